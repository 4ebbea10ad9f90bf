import { isEmptyArray } from '../option-checks/describe-value.js'
import type { OptionReader } from '../option-checks/option-reader.js'
import { type BindingContext, type BindingOptions, readBindings, readGroupBindings } from './binding.js'
import { type ClaimConditionOption, readClaimConditions } from './claim-condition.js'
import { type ClaimSource, readClaimMapping } from './claim-mapping.js'
import { type ConditionContext, compileValue, isScalarOption } from './claim-value.js'
import type { CheckAssertion, PolicySettings } from './policy.js'
import { readScopeClaim } from './scope-claim.js'

/**
 * Which assertions of one identity provider are accepted, in addition to the checks of every assertion, and what they may
 * obtain.
 *
 * @example
 * const policy: PolicyOptions = {
 *   allowedSubjects: ['service-*'],
 *   requiredClaims: { email_verified: true },
 *   groupsToScopes: { admins: ['orders:write'] },
 *   claimsToToken: { department: 'org.department' },
 * }
 */
export interface PolicyOptions {
  /**
   * The accepted `sub`s, 1 or more of 1 to 1024 characters. Each is compared exactly; with `*` in it, it is a pattern, in which
   * `*` matches any run of characters. `'any'`: all. Default: all, if another option restricts who is accepted
   * (`requiredClaims`, `check`) or what they may obtain (`scopes`, `bindings`, `groupsToScopes`). Otherwise it is required.
   */
  allowedSubjects?: readonly string[] | 'any'
  /** Conditions on claims, 1 or more, by their paths; all must match. See docs/policy.md. Default: no condition. */
  requiredClaims?: Readonly<Record<string, ClaimConditionOption>>
  /** A rule in code, applied after all others. Default: none. */
  check?: CheckAssertion
  /**
   * Bindings, 1 or more: what accepted assertions may obtain at the token endpoint. The access token gets everything that the
   * bindings matching the claims and the client allow together. If none matches, the assertion is refused
   * (`no_binding_matches`). Default: no bound except `scopes`.
   */
  bindings?: readonly BindingOptions[]
  /**
   * The scopes, 1 or more, of each group, as further bindings: each matches if the claim `groupsClaim` contains the group.
   * Default: none.
   */
  groupsToScopes?: Readonly<Record<string, readonly string[]>>
  /**
   * The path of a claim that caps the scopes: the access token has only scopes that the claim contains, too. It is a string of
   * scopes with spaces between them, or an array of scopes; otherwise the assertion is refused (`invalid_claim`). It adds no scope.
   * An assertion without the claim has no such cap. Default: none.
   */
  scopeClaim?: string
  /** The path of the claim that is an array of groups; only with `groupsToScopes`. Default: `groups`. */
  groupsClaim?: string
  /**
   * Treat a claim that is one string as an array of one, for `includes` in `requiredClaims` and `bindings`, and for `groupsToScopes`.
   * Some identity providers send `groups` as a string if there is only one group. Default: false.
   */
  singleAsArray?: boolean
  /**
   * Further claims of the access token, 1 or more: the source of each by its name. If they have more than 8192 bytes together as
   * JSON, the assertion is refused (`mapped_claims_too_large`). A claim whose source is missing is left out. Claims that say
   * who the token is for and what it may do cannot be set: see docs/policy.md. Default: none.
   */
  claimsToToken?: Readonly<Record<string, ClaimSource>>
}

const SUBJECT = 'a `sub` of 1 to 1024 characters, in which * stands for any text; it is not a regular expression'
const SUBJECTS = 'an array of at least one subject, or "any"'
/** Of all that configure none. */
const ANYBODY: PolicySettings = {
  saysWho: true,
  acceptsSubject: undefined,
  allowedSubjects: undefined,
  requiredClaims: [],
  check: undefined,
  scopeClaim: undefined,
  bindings: [],
  claimMapping: [],
}
const NOTHING_SAID: PolicySettings = { ...ANYBODY, saysWho: false }

/** Who is accepted. */
type WhoSettings = Pick<PolicySettings, 'saysWho' | 'acceptsSubject' | 'allowedSubjects' | 'requiredClaims' | 'check'>

export function readPolicy(reader: OptionReader, context: BindingContext): PolicySettings {
  const conditions = { singleAsArray: reader.boolean('singleAsArray', false) }
  const policy = {
    ...readWho(reader, conditions),
    scopeClaim: readScopeClaim(reader),
    bindings: readBindings(reader, { ...context, ...conditions }),
    claimMapping: readClaimMapping(reader),
  }
  if (!isAnything(policy)) return policy
  return policy.saysWho ? ANYBODY : NOTHING_SAID
}

/**
 * The policy of access tokens: who is accepted, and the scopes of groups. A rule that is not set is the one of `base`.
 */
export function readPolicyOfAccessTokens(reader: OptionReader, base: PolicySettings = ANYBODY): PolicySettings {
  const conditions = { singleAsArray: reader.boolean('singleAsArray', false) }
  const who = readWho(reader, conditions)
  return {
    ...ANYBODY,
    saysWho: who.saysWho || base.saysWho,
    ...(reader.isNamed('allowedSubjects') ? pickSubjects(who) : pickSubjects(base)),
    requiredClaims: reader.isNamed('requiredClaims') ? who.requiredClaims : base.requiredClaims,
    check: who.check ?? base.check,
    bindings: readGroupBindings(reader, conditions),
  }
}

function pickSubjects({ acceptsSubject, allowedSubjects }: WhoSettings) {
  return { acceptsSubject, allowedSubjects }
}

function readWho(reader: OptionReader, conditions: ConditionContext): WhoSettings {
  const allowedSubjects = readAllowedSubjects(reader)
  return {
    saysWho: ['allowedSubjects', 'requiredClaims', 'check'].some((option) => reader.has(option)),
    acceptsSubject: allowedSubjects && createSubjectTest(allowedSubjects),
    allowedSubjects,
    requiredClaims: reader.isNamed('requiredClaims') ? readClaimConditions(reader, 'requiredClaims', conditions) : [],
    check: readCheck(reader),
  }
}

function isAnything(policy: PolicySettings): boolean {
  const { acceptsSubject, requiredClaims, check, scopeClaim, bindings, claimMapping } = policy
  const rules = [acceptsSubject, check, scopeClaim, ...requiredClaims, ...bindings, ...claimMapping]
  return rules.every((rule) => rule === undefined)
}

/** A test of the option `allowedSubjects`; undefined: any `sub` is accepted. */
export function readSubjectTest(reader: OptionReader): PolicySettings['acceptsSubject'] {
  const allowedSubjects = readAllowedSubjects(reader)
  return allowedSubjects && createSubjectTest(allowedSubjects)
}

/** undefined: any. What cannot be read becomes a problem of the reader, and accepts nobody. */
function readAllowedSubjects(reader: OptionReader): PolicySettings['allowedSubjects'] {
  const subjects = reader.value('allowedSubjects')
  if (!reader.isNamed('allowedSubjects') || subjects === 'any') return undefined
  if (!Array.isArray(subjects)) {
    reader.problem('allowedSubjects', SUBJECTS, undefined, 'wrong_type')
    return []
  }
  if (isEmptyArray(subjects)) reader.problem('allowedSubjects', SUBJECTS, undefined, 'out_of_bounds')
  const isSubject = (text: string) => text !== '' && isScalarOption(text) && text !== 'any' && !text.startsWith('^')
  return reader.patterns('allowedSubjects', SUBJECT, isSubject) ?? []
}

function createSubjectTest(patterns: readonly string[]): (sub: string) => boolean {
  const tests = patterns.map(compileValue)
  return (sub) => tests.some((test) => test(sub))
}

function readCheck(reader: OptionReader): CheckAssertion | undefined {
  const check = reader.value('check')
  if (!reader.isNamed('check')) return undefined
  if (typeof check === 'function') return check as CheckAssertion
  reader.problem('check', 'a function that gets the claims and returns true or a reason', undefined, 'wrong_type')
  return () => 'unusable'
}
