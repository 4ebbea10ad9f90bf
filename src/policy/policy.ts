import { type Eventual, inTurn, isPending, whenReady } from '../clock/when-ready.js'
import { printable } from '../errors/printable.js'
import { DependencyUnavailable, TokenRejected } from '../errors/rejections.js'
import { type HostFunctions, isHostFunctionRefusal } from '../host-functions/host-functions.js'
import type { Binding } from './binding.js'
import type { ClaimCondition } from './claim-condition.js'
import { type ClaimMapping, createMappedClaim, type MappedClaim } from './claim-mapping.js'
import type { CheckContext, Claims } from './claim-path.js'
import type { ScopeClaim } from './scope-claim.js'

/** Which assertions of one identity provider are accepted, and what they may obtain. */
export interface Policy {
  /** Whether `allowedSubjects`, `requiredClaims` or `check` says who is accepted, even if that is everybody. */
  saysWho: boolean
  /** Whether a `sub` is accepted; undefined: any. */
  acceptsSubject: ((sub: string) => boolean) | undefined
  /** The patterns that `acceptsSubject` is made of, for `explain`. */
  readonly allowedSubjects: readonly string[] | undefined
  requiredClaims: readonly ClaimCondition[]
  check: BoundedCheck | undefined
  /** The claim that caps the scopes; undefined: none does. */
  scopeClaim: ScopeClaim | undefined
  /** If there are any, at least one must match, and the matching ones bound the access token. */
  bindings: readonly Binding[]
  claimMapping: readonly MappedClaim[]
}

/** The same as the options say it: with the functions of the host themselves. */
export interface PolicySettings extends Omit<Policy, 'check' | 'claimMapping'> {
  check: CheckAssertion | undefined
  claimMapping: readonly ClaimMapping[]
}

/** Functions of the host are called within the bounds of `hostFunctions`. */
export function createPolicy(settings: PolicySettings, identityProvider: string, hostFunctions: HostFunctions): Policy {
  // Of many identity providers, those without a policy share one.
  if (isWithoutFunctions(settings)) return settings
  const { check, claimMapping } = settings
  return {
    ...settings,
    check: check && hostFunctions.limit({ function: 'check', identityProvider }, check),
    claimMapping: claimMapping.map((each) => createMappedClaim(each, identityProvider, hostFunctions)),
  }
}

function isWithoutFunctions(settings: PolicySettings | Policy): settings is Policy {
  return settings.check === undefined && settings.claimMapping.length === 0
}

/** One rule of a policy: an option, or a condition of `requiredClaims`. */
export type PolicyRule = 'allowedSubjects' | ClaimCondition | 'check'

/** Does what one rule demands. */
export type RunRule = (rule: PolicyRule, enforce: () => Eventual<void>) => Eventual<void>

/** A rule that is broken ends it. */
export const runRule: RunRule = (_, enforce) => enforce()

/**
 * Refuses an assertion by the first rule that it breaks: who it is about, then its claims in their order, then the check.
 *
 * @param run `explain` notes what a rule throws, and goes on
 * @throws TokenRejected `subject_not_allowed`, `claim_not_allowed`, `refused_by_check`, or rejects with it
 * @throws DependencyUnavailable `policy_check_failed`, `host_function_timed_out`, `host_function_limit_reached`, or rejects with it
 */
export function enforcePolicy(
  policy: Policy,
  sub: string,
  claims: Claims,
  context: CheckContext,
  run = runRule,
): Eventual<void> {
  return inTurn(rulesOf(policy), (rule) =>
    run(rule, () => {
      if (rule === 'allowedSubjects') return enforceSubject(policy, sub)
      return rule === 'check' ? enforceCheck(policy, claims, context) : enforceClaim(rule, claims)
    }),
  )
}

function rulesOf({ acceptsSubject, requiredClaims, check }: Policy): readonly PolicyRule[] {
  if (acceptsSubject === undefined && check === undefined) return requiredClaims
  return [
    ...(acceptsSubject === undefined ? [] : (['allowedSubjects'] as const)),
    ...requiredClaims,
    ...(check === undefined ? [] : (['check'] as const)),
  ]
}

/**
 * If nothing is issued, no scope bounds anything: then the policy must say who is accepted.
 *
 * @throws TokenRejected `subject_not_allowed`
 */
export function requireWho({ saysWho }: Policy): void {
  if (saysWho) return
  const rejected = new TokenRejected('subject_not_allowed')
  rejected.context = {
    message:
      'none of allowedSubjects, requiredClaims and check says who is accepted; to accept everyone, set allowedSubjects: "any"',
  }
  throw rejected
}

/** @throws TokenRejected `subject_not_allowed` */
function enforceSubject({ acceptsSubject }: Policy, sub: string): void {
  if (acceptsSubject?.(sub) === false) throw new TokenRejected('subject_not_allowed')
}

/** @throws TokenRejected `claim_not_allowed` */
function enforceClaim({ path, expected, message, holds }: ClaimCondition, claims: Claims): void {
  if (holds(claims)) return
  const rejected = new TokenRejected('claim_not_allowed')
  rejected.context = { claim: printable(path), message: printable(message ?? `expected ${expected}`) }
  throw rejected
}

/**
 * A rule in code. `true` accepts. A string refuses, and appears in the event, never in the answer to the client. Anything else
 * refuses too (`refused_by_check`). If it throws or rejects, the request is answered with 503 (`policy_check_failed`).
 *
 * @example
 * const check: CheckAssertion = async (claims, _context, signal) => {
 *   const response = await fetch(`https://directory.example.com/${encodeURIComponent(String(claims.sub))}`, { signal })
 *   return response.ok || 'not in the directory'
 * }
 *
 * @param signal aborted after `hostFunctions.timeout`, when the request no longer waits for the answer
 */
export type CheckAssertion = (
  claims: Claims,
  context: CheckContext,
  signal: AbortSignal,
) => true | string | Promise<true | string>

/** A check within the bounds of `hostFunctions`. */
export type BoundedCheck = (claims: Claims, context: CheckContext) => true | string | Promise<true | string>

/**
 * @throws TokenRejected `refused_by_check`, or rejects with it
 * @throws DependencyUnavailable `policy_check_failed`, `host_function_timed_out`, `host_function_limit_reached`, or rejects with it
 */
function enforceCheck({ check }: Policy, claims: Claims, context: CheckContext): Eventual<void> {
  return whenReady(askCheck(check, claims, context), (verdict) => {
    if (verdict === true) return
    const rejected = new TokenRejected('refused_by_check')
    if (typeof verdict === 'string' && verdict !== '') rejected.context = { message: printable(verdict) }
    throw rejected
  })
}

/** The verdict of the host; undefined without a check. */
function askCheck(check: Policy['check'], claims: Claims, context: CheckContext): Eventual<unknown> {
  try {
    const verdict = check?.(claims, context)
    return isPending(verdict) ? verdict.catch(refuseVerdict) : verdict
  } catch (cause) {
    return refuseVerdict(cause)
  }
}

function refuseVerdict(cause: unknown): never {
  throw isHostFunctionRefusal(cause) ? cause : new DependencyUnavailable('policy_check_failed', { cause })
}
