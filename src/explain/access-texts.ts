import type { VouchedSubject } from '../assertion/resolve-subject.js'
import type { VerifiedAssertion } from '../assertion/verify-assertion.js'
import type { RequestingClient } from '../authorization/authorization.js'
import { MAX_DESCRIBED } from '../authorization/bound-access.js'
import type { Targets } from '../authorization/targets.js'
import { printable } from '../errors/printable.js'
import type { ReasonCode } from '../errors/reason-codes.js'
import { parseScope } from '../oauth/scope.js'
import { plainText } from '../option-checks/describe-value.js'
import { type Binding, describeUnmet, findBindings, findUnmet, type UnmetBinding } from '../policy/binding.js'
import type { ClaimCondition } from '../policy/claim-condition.js'
import { MAX_MAPPED_BYTES } from '../policy/claim-mapping.js'
import type { Claims } from '../policy/claim-path.js'
import { describeNoScalar } from '../policy/claim-value.js'
import type { PolicyRule } from '../policy/policy.js'
import { parseScopes } from '../policy/scope-claim.js'
import { claimAt, hintOfClaim, hintOfGroups, hintOfSubject } from './claim-hints.js'
import type { StepTexts } from './explanation.js'
import { describeClaim, sideBySide } from './wording.js'

/** What `check` has returned before it was called. */
export const NO_VERDICT = Symbol('no verdict')

const MALFORMED_SCOPES = 'the claim must be a string of scopes with spaces between them, or an array of scopes'

/** What bounds the scopes. */
interface Bound {
  of: string
  scopes: ReadonlySet<string>
}

/** The name of its step. */
export function nameOfRule(rule: PolicyRule): string {
  return typeof rule === 'string' ? rule : `claim ${rule.path}`
}

/** @param verdictOf what `check` returned, once it was called */
export function describeRule(
  rule: PolicyRule,
  { identityProvider, sub, payload }: VouchedSubject,
  verdictOf: () => unknown,
): StepTexts {
  if (rule === 'check') return describeCheck(verdictOf)
  if (rule !== 'allowedSubjects') return describeCondition(rule, payload)
  const { allowedSubjects = [] } = identityProvider.policy
  return {
    expected: listSubjects(allowedSubjects),
    found: describeClaim(sub),
    hint: () => hintOfSubject(sub, allowedSubjects),
  }
}

function describeCondition(condition: ClaimCondition, claims: Claims): StepTexts {
  const { path, expected, message } = condition
  const found = describeClaim(claimAt(path, claims))
  return {
    expected,
    found: message === undefined ? found : `${found}; ${message}`,
    hint: () => hintOfClaim(condition, claims, 'requiredClaims'),
  }
}

function describeCheck(verdictOf: () => unknown): StepTexts {
  return {
    expected: 'check returns true',
    found: () => describeVerdict(verdictOf()),
    hint: (reason) =>
      reason === 'refused_by_check' && typeof verdictOf() !== 'string'
        ? 'only true accepts; return a string to say why not'
        : undefined,
    asksHost: true,
  }
}

/** Does not quote a string: it is in the message, which is shown as well. */
function describeVerdict(verdict: unknown): string {
  if (verdict === NO_VERDICT) return 'no verdict'
  if (typeof verdict === 'boolean') return String(verdict)
  return typeof verdict === 'string' && verdict !== '' ? 'a string' : describeNoScalar(verdict)
}

/** The first of the configured patterns. */
function listSubjects(patterns: readonly string[]): string {
  const listed = patterns.slice(0, MAX_DESCRIBED).map((pattern) => JSON.stringify(plainText(pattern)))
  const others = patterns.length - listed.length
  return sideBySide(others === 0 ? listed : [...listed, `and ${others} more`], 'one of allowedSubjects: ')
}

/** undefined: there are no bindings. */
export function describeBindings(
  { identityProvider, payload }: VerifiedAssertion,
  { clientId }: RequestingClient,
): StepTexts | undefined {
  const first = identityProvider.policy.bindings.slice(0, MAX_DESCRIBED)
  if (first.length === 0) return undefined
  const unmet = first.flatMap((each) => findUnmet(each, payload, clientId) ?? [])
  const expected = 'at least one binding matches'
  return {
    expected: unmet.length === 0 ? expected : sideBySide(unmet.map(describeUnmet), `${expected}: `),
    found: sideBySide(first.map((each) => describeBinding(each, payload, clientId))),
    hint: () => hintOfBindings(unmet, payload),
  }
}

function describeBinding(binding: Binding, claims: Claims, clientId: RequestingClient['clientId']): string {
  const { by } = findUnmet(binding, claims, clientId) ?? {}
  if (by === undefined) return `${binding.name} holds`
  if (by === 'client') return `${binding.name}: not for this client`
  const message = by.message === undefined ? '' : ` (${by.message})`
  return `${binding.name}: ${by.path} is ${printable(describeClaim(claimAt(by.path, claims)))}${message}`
}

/** The hint for the first binding that has one. */
function hintOfBindings(unmet: readonly UnmetBinding[], claims: Claims): string | undefined {
  for (const { binding, by } of unmet) {
    if (by === 'client') continue
    const hint = binding.origin === 'groups' ? hintOfGroups(by, claims) : hintOfClaim(by, claims, 'when')
    if (hint !== undefined) return `${binding.name}: ${hint}`
  }
  return undefined
}

export function describeScope(
  assertion: VerifiedAssertion,
  { client, scope }: { client: RequestingClient; scope: string | undefined },
  targets: Targets | undefined,
): StepTexts {
  const bounds = boundsOf(assertion, client, targets)
  return {
    expected: sideBySide(bounds.map(({ of, scopes }) => `of ${of}: ${listOf(scopes)}`)),
    found: describeRequested(scope),
    hint: (reason) => (reason === 'invalid_claim' ? MALFORMED_SCOPES : hintOfScope(scope, bounds)),
  }
}

export function describeRequested(scope: string | undefined): string {
  return scope === undefined ? 'no scope requested' : `requested: ${scope}`
}

function boundsOf(
  { identityProvider, payload }: VerifiedAssertion,
  { scopes, clientId }: RequestingClient,
  targets: Targets | undefined,
): Bound[] {
  const { scopes: ofIdentityProvider, policy } = identityProvider
  const bounds: Bound[] = scopes === undefined ? [] : [{ of: 'the client', scopes: new Set(scopes) }]
  if (ofIdentityProvider !== undefined) bounds.push({ of: 'the identity provider', scopes: ofIdentityProvider })
  if (policy.bindings.length > 0) {
    const holding = () => findBindings(policy.bindings, payload, clientId).flatMap((each) => [...each.scopes])
    bounds.push({ of: 'the bindings', scopes: targets?.scopesOfBindings ?? new Set(holding()) })
  }
  const { scopeClaim } = policy
  const ofClaim = scopeClaim && claimAt(scopeClaim.path, payload)
  if (ofClaim !== undefined) bounds.push({ of: 'the claim', scopes: parseScopes(ofClaim) ?? new Set() })
  const ofResources = targets?.commonScopes
  if (ofResources !== undefined) bounds.push({ of: 'the resources', scopes: ofResources })
  return bounds
}

function hintOfScope(scope: string | undefined, bounds: readonly Bound[]): string {
  const wanted = scope === undefined ? [...(bounds[0]?.scopes ?? [])] : parseScope(scope)
  if (wanted === undefined) return 'separate scopes by spaces; they cannot contain quotation marks or backslashes'
  const refusing = wanted.map((each) => ({ scope: each, by: bounds.filter(({ scopes }) => !scopes.has(each)) }))
  if (refusing.some(({ by }) => by.length === 0)) {
    return 'the scopes belong to different resources: request scopes of one resource'
  }
  if (scope?.includes(',')) return 'separate scopes by spaces'
  const first = refusing.slice(0, MAX_DESCRIBED)
  return sideBySide(
    first.map((each) => `${each.scope}: not in the scopes of ${each.by.map(({ of }) => of).join(', ')}`),
  )
}

function listOf(scopes: ReadonlySet<string>): string {
  return scopes.size === 0 ? 'none' : [...scopes].join(' ')
}

/** @param sizes bytes as JSON of each of the claims that has a source, by its name */
export function describeClaimsToToken(
  { identityProvider }: VerifiedAssertion,
  sizes: ReadonlyMap<string, number>,
): StepTexts | undefined {
  const { claimMapping } = identityProvider.policy
  if (claimMapping.length === 0) return undefined
  const names = claimMapping.map(({ name }) => name)
  return {
    expected: `at most ${MAX_MAPPED_BYTES} bytes`,
    found: (reason) => (reason === 'claim_mapping_failed' ? names.join(', ') : describeMapped(names, sizes, reason)),
    asksHost: true,
  }
}

function describeMapped(
  names: readonly string[],
  sizes: ReadonlyMap<string, number>,
  reason: ReasonCode | undefined,
): string {
  const mapped = names.filter((name) => sizes.has(name))
  const leftOut = names.filter((name) => !sizes.has(name))
  const commas = sizes.size - 1
  const bytes = [...sizes.values()].reduce((sum, each) => sum + each, '{}'.length + commas)
  const size = reason === 'mapped_claims_too_large' ? [`${bytes} bytes`] : []
  const known = [...(mapped.length === 0 ? ['none'] : mapped), ...size].join(', ')
  return sideBySide(leftOut.length === 0 ? [known] : [known, `left out: ${leftOut.join(', ')}`])
}
