import { checkSubjectIsNoClient, resolveSubject } from '../assertion/resolve-subject.js'
import type { VerifiedAssertion } from '../assertion/verified-assertion.js'
import { boundLifetime, checkLastsYet } from '../authorization/token-lifetime.js'
import type { Client } from '../client-auth/client-options.js'
import type { ClientLookup } from '../client-auth/find-client.js'
import type { ReasonCode } from '../errors/reason-codes.js'
import { describeUnfilled } from '../policy/claim-template.js'
import type { CheckContext } from '../policy/policy.js'
import { rawSubject } from '../policy/subject-mapping.js'
import { shown } from './assertion-steps.js'
import { takeClaimsToToken } from './claims-to-token-step.js'
import type { ExplainedAccessToken, Explainer } from './explanation.js'
import { takeGrants } from './grants-step.js'
import { describeRequested, takeScope } from './scope-step.js'

const IS_CLIENT = 'a client has this id: put something before subjects, as subject "namespaced" does'
const TOO_LONG = 'it is too long, or has invisible characters or white space around it'
const NOT_MADE = `${TOO_LONG}; or a function gave no text`

export interface AccessInQuestion {
  assertion: VerifiedAssertion
  /** undefined: none was named, or there is none. */
  client: Client | undefined
  /** The requested scope. */
  scope: string | undefined
  about: CheckContext
}

export interface AccessStepsDeps {
  findClient: ClientLookup
  audiences: ReadonlySet<string>
  /** Seconds, of the exchange. */
  lifetime: number
  now: number
}

/** What the assertion becomes; undefined where that cannot be told. */
export async function takeAccessSteps(
  explainer: Explainer,
  question: AccessInQuestion,
  deps: AccessStepsDeps,
): Promise<ExplainedAccessToken | undefined> {
  const subject = await takeSubject(explainer, question, deps)
  const access = await takeAccess(explainer, question, deps)
  const claims = await takeClaimsToToken(explainer, question.assertion, question.about)
  const lifetime = access && (await takeLifetime(explainer, question, access.lifetime, deps))
  if (subject === undefined || access === undefined || claims === undefined || lifetime === undefined) return undefined
  const { scopes, audiences } = access
  return { subject, scopes, audiences: [...audiences], lifetime, claims }
}

async function takeSubject(explainer: Explainer, { assertion }: AccessInQuestion, { findClient }: AccessStepsDeps) {
  const texts = { expected: 'a subject for the access token', found: `from ${shown(assertion.sub)}` }
  const hint = (reason: ReasonCode) =>
    reason === 'invalid_subject' ? hintOfMadeSubject(assertion, explainer.hasPassed('sub')) : undefined
  const subject = (await explainer.takeIfSigned('subject', { ...texts, hint }, () => resolveSubject(assertion)))?.result
  if (subject === undefined) return undefined
  await takeSubjectIsNoClient(explainer, subject, findClient)
  return subject
}

async function takeSubjectIsNoClient(explainer: Explainer, subject: string, findClient: ClientLookup): Promise<void> {
  const texts = {
    expected: 'the id of no client',
    found: shown(subject),
    hint: (reason: ReasonCode) => (reason === 'subject_is_client_id' ? IS_CLIENT : undefined),
  }
  await explainer.takeIfSigned('subject is no client', texts, () => checkSubjectIsNoClient(subject, findClient))
}

function hintOfMadeSubject(
  { identityProvider: { mapSubject }, payload }: VerifiedAssertion,
  isSubGood: boolean,
): string {
  if (mapSubject.template !== undefined) return describeUnfilled(mapSubject.template, payload) ?? TOO_LONG
  if (mapSubject !== rawSubject) return NOT_MADE
  return isSubGood ? 'it is the sub as it is, and too long' : 'it is the sub as it is: see the step sub'
}

async function takeAccess(
  explainer: Explainer,
  { assertion, client, scope }: AccessInQuestion,
  { audiences }: AccessStepsDeps,
) {
  const { identityProvider, payload } = assertion
  const { bindings } = identityProvider.policy
  if (client === undefined) {
    explainer.skip('scope', { expected: 'a client', found: describeRequested(scope) })
    return undefined
  }
  const request = { scope, resources: [], client, identityProvider, claims: payload }
  if (bindings.length === 0) return takeScope(explainer, request, undefined, audiences)
  const holding = await takeGrants(explainer, bindings, payload, client.clientId)
  return holding && takeScope(explainer, request, holding, audiences)
}

async function takeLifetime(
  explainer: Explainer,
  { assertion, client }: AccessInQuestion,
  ofBindings: number,
  { lifetime: ofExchange, now }: AccessStepsDeps,
): Promise<number | undefined> {
  if (client === undefined || explainer.hasFailed(['exp'])) return undefined
  const { lifetime, latestExpiry } = boundLifetime(assertion, client, ofBindings)
  const seconds = Math.min(ofExchange, lifetime, latestExpiry - Math.floor(now))
  const texts = { expected: 'an access token of a second or more', found: `${seconds} s` }
  const hint = () => 'the assertion ends too soon for maxBeyondAssertion (max_beyond_assertion): get a fresh one'
  const taken = await explainer.take('lifetime', { ...texts, hint }, () => checkLastsYet(latestExpiry, now))
  return taken && seconds
}
