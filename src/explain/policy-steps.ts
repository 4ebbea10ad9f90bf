import type { VerifiedAssertion } from '../assertion/verified-assertion.js'
import type { ReasonCode } from '../errors/reason-codes.js'
import type { ClaimCondition } from '../policy/claim-condition.js'
import type { Claims } from '../policy/claim-path.js'
import { describeNoScalar } from '../policy/claim-value.js'
import { type BoundedCheck, type CheckContext, enforceCheck, enforceClaim, enforceSubject } from '../policy/policy.js'
import { shown } from './assertion-steps.js'
import { claimAt, hintOfClaim } from './claim-hints.js'
import type { Explainer } from './explanation.js'
import { hintOfSubject, listSubjects } from './subject-hints.js'

const NO_VERDICT = Symbol('no verdict')

/** Every rule of the identity provider, those after one that fails, too. */
export async function takePolicySteps(explainer: Explainer, assertion: VerifiedAssertion, context: CheckContext) {
  const { identityProvider, sub, payload } = assertion
  const { allowedSubjects: subjects, requiredClaims: claims, check } = identityProvider.policy
  if (subjects !== undefined) {
    const texts = { expected: listSubjects(subjects), found: shown(sub), hint: () => hintOfSubject(sub, subjects) }
    await explainer.take('allowedSubjects', texts, () => enforceSubject(identityProvider.policy, sub))
  }
  for (const condition of claims) await takeClaim(explainer, condition, payload)
  if (check !== undefined) await takeCheck(explainer, check, payload, context)
}

async function takeClaim(explainer: Explainer, condition: ClaimCondition, claims: Claims): Promise<void> {
  const { path, expected, message } = condition
  const found = claimAt(path, claims)
  const told = message === undefined ? shown(found) : `${shown(found)}; ${message}`
  const texts = { expected, found: told, hint: () => hintOfClaim(condition, claims, 'requiredClaims') }
  await explainer.take(`claim ${path}`, texts, () => enforceClaim(condition, claims))
}

async function takeCheck(explainer: Explainer, check: BoundedCheck, claims: Claims, context: CheckContext) {
  let verdict: unknown = NO_VERDICT
  const noting: BoundedCheck = async (...args) => {
    const given = await check(...args)
    verdict = given
    return given
  }
  const texts = {
    expected: 'check gives true',
    found: () => describeVerdict(verdict),
    hint: (reason: ReasonCode) => (reason === 'refused_by_check' ? hintOfVerdict(verdict) : undefined),
  }
  await explainer.takeIfSigned('check', texts, () => enforceCheck(noting, claims, context))
}

/** A text itself is told beside this, and no other value. */
function describeVerdict(verdict: unknown): string {
  if (verdict === NO_VERDICT) return 'no verdict'
  if (typeof verdict === 'boolean') return String(verdict)
  return typeof verdict === 'string' && verdict !== '' ? 'a text' : describeNoScalar(verdict)
}

function hintOfVerdict(verdict: unknown): string | undefined {
  return typeof verdict === 'string' ? undefined : 'only true accepts; a text in place of it says why not'
}
