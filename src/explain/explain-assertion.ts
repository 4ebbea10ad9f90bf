import { contextOf } from '../assertion/assertion-context.js'
import type { VerifiedAssertion } from '../assertion/verified-assertion.js'
import { checkHeaderOfLong, readClaims, type VerifyAssertionDeps } from '../assertion/verify-assertion.js'
import { checkClientMayExchange, checkGrantType } from '../authorization/check-client.js'
import { invalidClient } from '../client-auth/client-auth-method.js'
import type { Client } from '../client-auth/client-options.js'
import type { ReasonCode } from '../errors/reason-codes.js'
import { TokenRejected } from '../errors/rejections.js'
import type { IdentityProvider } from '../identity-provider/identity-provider.js'
import { ownMember } from '../jwt/parse-json-object.js'
import { parseJws, parsePayload, type UnverifiedJwt } from '../jwt/parse-jwt.js'
import { JWT_BEARER_GRANT_TYPE } from '../oauth/scope.js'
import { OptionReader } from '../option-checks/option-reader.js'
import { type AccessStepsDeps, takeAccessSteps } from './access-steps.js'
import { shown, takeAssertionSteps } from './assertion-steps.js'
import { type ExplainedAccessToken, Explainer, type Explanation } from './explanation.js'
import { hintOfAlgorithm, hintOfIssuer, hintOfShape, hintOfType } from './hints.js'
import { takePolicySteps } from './policy-steps.js'

/**
 * Who would present the assertion, and ask for what.
 *
 * @example
 * const { isAccepted, reason } = await exchange.explain(assertion, { clientId: 'app', scope: 'orders:read' })
 */
export interface ExplainOptions {
  /** Without it, what depends on the client is left out. */
  clientId?: string
  /** The parameter `scope`. Default: as a request without one. */
  scope?: string
}

/** Laid under what is given, so that nothing is taken from `Object.prototype` instead. */
const NOTHING_ASKED: Readonly<Record<keyof ExplainOptions, string | undefined>> = {
  clientId: undefined,
  scope: undefined,
}

export interface ExplainDeps extends VerifyAssertionDeps, Omit<AccessStepsDeps, 'now'> {}

/**
 * Takes every step that a token request with this assertion would take, those after one that fails, too, where they can
 * be taken; all but the client's secret. Nothing is issued and nothing used up. Keys may be fetched as for a request.
 *
 * @throws ConfigError for options that are not understood, and an assertion that is no string
 */
export async function explainAssertion(
  encoded: string,
  options: ExplainOptions,
  deps: ExplainDeps,
): Promise<Explanation> {
  checkArguments(encoded, options)
  const asked = { ...NOTHING_ASKED, ...options }
  const explainer = new Explainer()
  const client = await takeClient(explainer, asked.clientId, deps)
  const jwt = await takeShape(explainer, encoded, deps)
  if (jwt !== undefined) await takeHeaderOfLong(explainer, jwt, deps)
  const identityProvider = jwt && (await takeIssuer(explainer, jwt, deps))
  const accessToken = identityProvider && (await takeAllOf(explainer, jwt, identityProvider, client, asked, deps))
  const reason = explainer.firstReason
  return {
    isAccepted: reason === undefined,
    ...(reason !== undefined && { reason }),
    steps: explainer.steps,
    ...(reason === undefined && accessToken !== undefined && { accessToken }),
  }
}

/** JavaScript callers may pass anything. */
function checkArguments(assertion: unknown, options: unknown): void {
  const reader = new OptionReader(options, ['explain'])
  if (typeof assertion !== 'string') reader.note('wrong_type', 'assertion', 'got something else; expected a string')
  for (const key of ['clientId', 'scope']) if (reader.has(key)) reader.string(key, 'a non-empty string')
  reader.refuseUnknown()
  reader.throwProblems()
}

async function takeAllOf(
  explainer: Explainer,
  jwt: UnverifiedJwt,
  identityProvider: IdentityProvider,
  client: Client | undefined,
  { clientId, scope }: typeof NOTHING_ASKED,
  deps: ExplainDeps,
): Promise<ExplainedAccessToken | undefined> {
  const { issuer } = deps
  const now = deps.clock.now()
  const clock = { now: () => now }
  const presenting = clientId === undefined ? undefined : { clientId }
  await takeAssertionSteps(explainer, { jwt, identityProvider, client: presenting, issuer }, clock)
  const assertion = { ...readClaims(jwt), identityProvider, context: contextOf(jwt, identityProvider) }
  const about = { identityProvider: identityProvider.name, ...(clientId !== undefined && { clientId }) }
  if (client !== undefined) await takeClientOfProvider(explainer, client, assertion)
  await takePolicySteps(explainer, assertion, about)
  const accessToken = await takeAccessSteps(explainer, { assertion, client, scope, about }, { ...deps, now })
  const isOnce = identityProvider.limits.replay === 'once'
  explainer.skip('replay', { expected: isOnce ? 'not used before' : 'any number of uses', found: 'not looked up' })
  return accessToken
}

async function takeClient(explainer: Explainer, clientId: string | undefined, { findClient }: ExplainDeps) {
  const texts = { expected: 'a registered client', found: shown(clientId) }
  if (clientId === undefined) {
    explainer.skip('client', texts)
    return undefined
  }
  const taken = await explainer.take('client', texts, async () => {
    const client = await findClient(clientId)
    if (client === undefined) throw invalidClient('unknown_client')
    checkGrantType(client, JWT_BEARER_GRANT_TYPE)
    return client
  })
  return taken?.result
}

async function takeShape(explainer: Explainer, encoded: string, { identityProviders }: ExplainDeps) {
  const { maxAssertionBytes } = identityProviders
  const byHeader = (ofHeader: string, otherwise: string) => (reason: ReasonCode | undefined) =>
    reason === 'unsupported_header' ? ofHeader : otherwise
  const texts = {
    expected: byHeader('a header without crit and b64', `a JWT of at most ${maxAssertionBytes} bytes`),
    found: byHeader('a header with crit or b64', `${encoded.length} characters`),
    hint: (reason: ReasonCode) => hintOfShape(reason, encoded),
  }
  return (await explainer.take('shape', texts, () => parseAsJudged(encoded, identityProviders)))?.result
}

/** What the token endpoint says of a payload that cannot be decoded is about the header, if it looks at that alone. */
function parseAsJudged(encoded: string, identityProviders: ExplainDeps['identityProviders']): UnverifiedJwt {
  const jws = parseJws(encoded, identityProviders.maxAssertionBytes)
  try {
    return parsePayload(jws)
  } catch (error) {
    checkHeaderOfLong(jws, identityProviders)
    throw error
  }
}

/** A step only if it fails, because the token endpoint does not look at the payload then. */
async function takeHeaderOfLong(explainer: Explainer, jwt: UnverifiedJwt, { identityProviders }: ExplainDeps) {
  const check = () => checkHeaderOfLong(jwt, identityProviders)
  try {
    check()
  } catch {
    const { alg, typ } = jwt.header
    const texts = {
      expected: 'alg and typ that one of the identity providers accepts',
      found: `alg ${alg}, typ ${typ ?? 'none'}`,
      hint: (reason: ReasonCode) => (reason === 'type_not_allowed' ? hintOfType(typ ?? '') : hintOfAlgorithm(alg)),
    }
    await explainer.take('header', texts, check)
  }
}

async function takeIssuer(explainer: Explainer, jwt: UnverifiedJwt, { identityProviders, audiences }: ExplainDeps) {
  const iss = ownMember(jwt.payload, 'iss')
  const names = [...identityProviders.all()].map(({ name }) => name)
  const texts = { expected: names.join(' or '), found: shown(iss), hint: () => hintOfIssuer(jwt, names, audiences) }
  const taken = await explainer.take('iss', texts, () => {
    const identityProvider = identityProviders.find(iss)
    if (identityProvider === undefined) throw new TokenRejected('unknown_issuer')
    return identityProvider
  })
  return taken?.result
}

async function takeClientOfProvider(explainer: Explainer, client: Client, assertion: VerifiedAssertion): Promise<void> {
  const { name } = assertion.identityProvider
  const option = 'identityProviders (identity_providers) of the client'
  const texts = {
    expected: describeProviders(client.identityProviders, option),
    found: name,
    hint: () => `add the identity provider to ${option}`,
  }
  await explainer.take('client of the identity provider', texts, () => checkClientMayExchange(client, assertion))
}

function describeProviders(names: ReadonlySet<string> | undefined, option: string): string {
  if (names === undefined) return 'any'
  return names.size === 0 ? `none: ${option} is empty` : [...names].join(' or ')
}
