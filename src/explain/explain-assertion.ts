import { contextOf } from '../assertion/assertion-context.js'
import { checkHeaderOfLong, readClaims, type VerifyAssertionDeps } from '../assertion/verify-assertion.js'
import { WITHOUT_CLIENT } from '../authorization/authorization.js'
import { MAX_DESCRIBED } from '../authorization/bound-access.js'
import { checkGrantType } from '../authorization/check-client.js'
import { invalidClient } from '../client-auth/client-auth-method.js'
import type { ReasonCode } from '../errors/reason-codes.js'
import { TokenRejected } from '../errors/rejections.js'
import { ownMember } from '../jwt/parse-json-object.js'
import { parseJws, parsePayload, type UnverifiedJwt } from '../jwt/parse-jwt.js'
import { describeType } from '../option-checks/describe-value.js'
import { OptionReader } from '../option-checks/option-reader.js'
import { type AuthorizationStepsDeps, takeAuthorizationSteps } from './authorization-steps.js'
import { takeCheckSteps } from './check-steps.js'
import { type ExplainedAccessToken, Explainer, type Explanation, resultOf } from './explanation.js'
import { hintOfShape } from './shape-hints.js'
import { hintOfAlgorithm, hintOfIssuer, hintOfRegistration, hintOfType } from './token-hints.js'
import { describeClaim, sideBySide } from './wording.js'

/**
 * Which client would present the assertion, and which scope it would request.
 *
 * @example
 * const { isAccepted, reason } = await exchange.explain(assertion, { clientId: 'app', scope: 'orders:read' })
 */
export interface ExplainOptions {
  /**
   * Without it, the request is explained as one without a client, if the identity provider accepts those. Otherwise steps that
   * depend on the client are skipped.
   */
  clientId?: string
  /** The parameter `scope`. Default: none, as in a request without it. */
  scope?: string
  /** The parameter `resource`: one, or several. Default: none, as in a request without it. */
  resource?: string | readonly string[]
}

/** Spread below the given options, so that nothing is read from `Object.prototype` instead. */
const NOTHING_ASKED: { readonly [Name in keyof ExplainOptions]-?: ExplainOptions[Name] | undefined } = {
  clientId: undefined,
  scope: undefined,
  resource: undefined,
}

export type ExplainDeps = VerifyAssertionDeps &
  AuthorizationStepsDeps & {
    /** Of the requests that assertions come in. */
    grantType: string
  }

/**
 * Takes every step of a token request with this assertion, except the authentication of the client. It continues after a step
 * that fails, as far as possible. Nothing is issued, and nothing is marked used. Keys may be fetched as for a request.
 *
 * @throws ConfigError for unknown options, and an assertion that is not a string
 */
export async function explainAssertion(
  encoded: string,
  options: ExplainOptions,
  deps: ExplainDeps,
): Promise<Explanation> {
  checkArguments(encoded, options)
  const asked = { ...NOTHING_ASKED, ...options }
  const explainer = new Explainer()
  const accessToken = await takeSteps(explainer, encoded, asked, deps)
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
  if (typeof assertion !== 'string') {
    reader.note('wrong_type', 'assertion', `got ${describeType(assertion)}; expected a string`)
  }
  for (const key of ['clientId', 'scope']) if (reader.has(key)) reader.string(key, 'a non-empty string')
  if (Array.isArray(reader.hostObject('resource'))) reader.strings('resource', 'a non-empty string')
  else if (reader.has('resource')) reader.string('resource', 'a non-empty string or an array of them')
  reader.refuseUnknown()
  reader.throwProblems()
}

async function takeSteps(
  explainer: Explainer,
  encoded: string,
  { clientId, scope, resource = [] }: typeof NOTHING_ASKED,
  deps: ExplainDeps,
): Promise<ExplainedAccessToken | undefined> {
  const client = await takeClient(explainer, clientId, deps)
  const jwt = await takeShape(explainer, encoded, deps)
  if (jwt === undefined) return undefined
  await takeHeaderOfLong(explainer, jwt, deps)
  const identityProvider = await takeIdentityProvider(explainer, jwt, deps)
  if (identityProvider === undefined) return undefined
  const now = deps.clock.now()
  const clock = { now: () => now }
  const presenting = clientId === undefined ? undefined : { clientId }
  await takeCheckSteps(explainer, { jwt, identityProvider, client: presenting, issuer: deps.issuer }, clock)
  const assertion = { ...readClaims(jwt), identityProvider, context: contextOf(jwt, identityProvider) }
  const context = { identityProvider: identityProvider.id, ...presenting }
  const isWithoutClient = clientId === undefined && identityProvider.clientAuthentication === 'optional'
  const requester = isWithoutClient ? WITHOUT_CLIENT : client
  const asked = { client: requester, scope, resources: [resource].flat() }
  return takeAuthorizationSteps(explainer, { assertion, ...asked, context }, { ...deps, clock })
}

async function takeClient(explainer: Explainer, clientId: string | undefined, deps: ExplainDeps) {
  const texts = { expected: 'a registered client', found: describeClaim(clientId), isSkipped: clientId === undefined }
  const step = await explainer.take('client', texts, async () => {
    const client = clientId === undefined ? undefined : await deps.findClient(clientId)
    if (client === undefined) throw invalidClient('unknown_client')
    checkGrantType(client, deps.grantType)
    return client
  })
  return resultOf(step)
}

async function takeShape(explainer: Explainer, encoded: string, { identityProviders }: ExplainDeps) {
  const { maxAssertionBytes } = identityProviders
  const byHeader = (ofHeader: string, ofToken: string) => (reason: ReasonCode | undefined) =>
    reason === 'unsupported_header' ? ofHeader : ofToken
  const texts = {
    expected: byHeader('a header without crit and b64', `a JWT of at most ${maxAssertionBytes} bytes`),
    found: byHeader('a header with crit or b64', `${encoded.length} characters`),
    hint: (reason: ReasonCode) => hintOfShape(reason, encoded),
  }
  return resultOf(await explainer.take('shape', texts, () => parseAsJudged(encoded, identityProviders)))
}

/** If the payload cannot be decoded and the token endpoint looks only at the header, its refusal is about the header. */
function parseAsJudged(encoded: string, identityProviders: ExplainDeps['identityProviders']): UnverifiedJwt {
  const jws = parseJws(encoded, identityProviders.maxAssertionBytes)
  try {
    return parsePayload(jws)
  } catch (error) {
    checkHeaderOfLong(jws, identityProviders)
    throw error
  }
}

/** Adds a step only if it fails: the token endpoint then does not look at the payload. */
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

async function takeIdentityProvider(explainer: Explainer, jwt: UnverifiedJwt, deps: ExplainDeps) {
  const { identityProviders } = deps
  const isKnown = await takeIssuer(explainer, jwt, deps)
  if (isKnown === undefined) return undefined
  const registrations = identityProviders.registrationsFor(jwt.payload)
  if (registrations === undefined) return identityProviders.findFor(jwt.payload)
  const texts = {
    expected: sideBySide(registrations.values.slice(0, MAX_DESCRIBED), `${registrations.claim}: one of `),
    found: describeClaim(registrations.claimOf(jwt.payload)),
    hint: () => hintOfRegistration(registrations.claimOf(jwt.payload), registrations.values),
  }
  const step = await explainer.take('registration', texts, () => {
    const identityProvider = registrations.find(jwt.payload)
    if (identityProvider === undefined) throw new TokenRejected('unknown_registration')
    return identityProvider
  })
  return resultOf(step)
}

async function takeIssuer(explainer: Explainer, jwt: UnverifiedJwt, { identityProviders, resources }: ExplainDeps) {
  const iss = ownMember(jwt.payload, 'iss')
  const names = [...new Set([...identityProviders.all()].map(({ name }) => name))]
  const texts = {
    expected: names.join(' or '),
    found: describeClaim(iss),
    hint: () => hintOfIssuer(jwt, names, resources.identifiers),
  }
  const step = await explainer.take('iss', texts, async () => {
    await identityProviders.load(jwt.payload, 'client')
    if (!identityProviders.hasIssuerOf(jwt.payload)) throw new TokenRejected('unknown_issuer')
    return true
  })
  return resultOf(step)
}
