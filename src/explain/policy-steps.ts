import type { VerifiedAssertion } from '../assertion/verified-assertion.js'
import { type CheckContext, enforceCheck } from '../policy/check-assertion.js'
import type { ClaimCondition } from '../policy/claim-condition.js'
import type { Claims } from '../policy/claim-path.js'
import { enforceClaim, enforceSubject } from '../policy/policy.js'
import { shown } from './assertion-steps.js'
import { claimAt, hintOfClaim } from './claim-hints.js'
import type { Explainer } from './explanation.js'
import { hintOfSubject, listSubjects } from './subject-hints.js'

/** Every rule of the identity provider, those after one that fails, too. */
export async function takePolicySteps(explainer: Explainer, assertion: VerifiedAssertion, context: CheckContext) {
  const { identityProvider, sub, payload } = assertion
  const { subjects, claims, check } = identityProvider.policy
  if (subjects !== undefined) {
    const texts = { expected: listSubjects(subjects), found: shown(sub), hint: () => hintOfSubject(sub, subjects) }
    await explainer.take('subjects', texts, () => enforceSubject(identityProvider.policy, sub))
  }
  for (const condition of claims) await takeClaim(explainer, condition, payload)
  if (check !== undefined) {
    const texts = { expected: 'check gives true', found: 'its verdict' }
    await explainer.takeIfSigned('check', texts, () => enforceCheck(check, payload, context))
  }
}

async function takeClaim(explainer: Explainer, condition: ClaimCondition, claims: Claims): Promise<void> {
  const { path, expected, message } = condition
  const found = claimAt(path, claims)
  const told = message === undefined ? shown(found) : `${shown(found)}; ${message}`
  const texts = { expected, found: told, hint: () => hintOfClaim(condition, claims, 'claims') }
  await explainer.take(`claim ${path}`, texts, () => enforceClaim(condition, claims))
}
