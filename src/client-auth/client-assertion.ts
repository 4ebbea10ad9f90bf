import { contextOfHeader, inContext } from '../assertion/assertion-context.js'
import { printable } from '../errors/printable.js'
import { isTokenRejected, type TokenContext, TokenRejected } from '../errors/rejections.js'
import { ASYMMETRIC_ALGORITHMS } from '../jwt/algorithms.js'
import { ownMember } from '../jwt/parse-json-object.js'
import { parseJwt, type UnverifiedJwt } from '../jwt/parse-jwt.js'
import { isOAuthError, type OAuthError } from '../oauth/errors.js'
import type { TokenRequest } from '../oauth/token-request.js'
import { DecoyKeys } from '../verification-keys/decoy-keys.js'
import type { VerificationKeySource } from '../verification-keys/key-source.js'
import { verifySignature } from '../verification-keys/verify-signature.js'
import {
  findTrustDomain,
  type ProviderAssertionDeps,
  SPIFFE_SCHEME,
  verifyProviderAssertion,
  verifySvid,
} from './asserted-client.js'
import { type ClientAuthMethod, type ClientAuthMethodDeps, invalidClient } from './client-auth-method.js'
import type { ClientKeySources } from './client-key-sources.js'
import type { Client } from './client-options.js'
import { type OwnAssertionDeps, verifyOwnAssertion } from './private-key-jwt.js'

/** RFC 7523 §2.2. */
const JWT_BEARER_CLIENT_ASSERTION = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'
/** draft-ietf-oauth-spiffe-client-auth §3.1. */
const JWT_SPIFFE_CLIENT_ASSERTION = 'urn:ietf:params:oauth:client-assertion-type:jwt-spiffe'

export interface ClientAssertionDeps extends OwnAssertionDeps, ProviderAssertionDeps {
  keysOf: ClientKeySources
  /** The fixed client of an identity provider and a subject. Clients that are looked up are found by their id only. */
  findAssertedClient: (identityProvider: string, subject: string) => string | undefined
}

/**
 * The methods of clients that send an assertion: their own, one of an identity provider, or a JWT-SVID. The first two are sent
 * in the same way (RFC 7523 §2.2), so the metadata have one name for both.
 */
export function createClientAssertionMethods(deps: ClientAssertionDeps): ClientAuthMethod[] {
  const decoyKeys = new DecoyKeys()
  const hasTrustDomain = [...deps.identityProviders.fixed.values()].some(({ name }) => name.startsWith(SPIFFE_SCHEME))
  const method = (name: string, credentialKind: ClientAuthMethod['credentialKind']): ClientAuthMethod => ({
    name,
    credentialKind,
    signingAlgorithms: ASYMMETRIC_ALGORITHMS,
    applies: (request) => request.clientAssertion !== undefined || request.one('client_assertion_type') !== undefined,
    authenticate: (request, methodDeps) => authenticateByAssertion(request, { ...deps, ...methodDeps, decoyKeys }),
  })
  return [
    method('private_key_jwt', 'keys'),
    method('private_key_jwt', 'identity_provider'),
    ...(hasTrustDomain ? [method('spiffe_jwt', 'identity_provider')] : []),
  ]
}

interface AuthenticateByAssertionDeps extends ClientAssertionDeps, ClientAuthMethodDeps {
  decoyKeys: DecoyKeys
}

/**
 * The client that the assertion authenticates. If the client is unknown, or authenticates in another way, the assertion is
 * verified with a decoy key. So the refusal takes as long as one for a wrong signature.
 *
 * @throws OAuthError `invalid_client`; `temporarily_unavailable` with status 429
 * @throws DependencyUnavailable for an outage
 */
async function authenticateByAssertion(request: TokenRequest, deps: AuthenticateByAssertionDeps): Promise<Client> {
  const { remoteAddress } = request
  const { findClient, failureLimiter } = deps
  const presented = readClientAssertion(request, deps)
  const { clientId } = presented
  failureLimiter.checkAttempt(clientId, remoteAddress)
  const client = await findClient(clientId)
  failureLimiter.checkAttempt(clientId, remoteAddress)
  try {
    const authenticated = await inContext(
      () => contextOfPresented(presented, client),
      () => verifyAssertionOf(client, presented, deps),
    )
    failureLimiter.countSuccess(clientId, remoteAddress)
    return authenticated
  } catch (error) {
    const refusal = refusalOf(error)
    if (refusal === undefined) throw error
    failureLimiter.countFailure(clientId, remoteAddress, client !== undefined)
    throw refusal
  }
}

interface PresentedClientAssertion {
  jwt: UnverifiedJwt
  isSvid: boolean
  /** Nothing of it is verified. */
  clientId: string
}

/** @throws OAuthError `invalid_client` */
function readClientAssertion(request: TokenRequest, deps: ClientAssertionDeps): PresentedClientAssertion {
  const { clientAssertion } = request
  const isSvid = clientAssertion?.type === JWT_SPIFFE_CLIENT_ASSERTION
  if (clientAssertion === undefined || (!isSvid && clientAssertion.type !== JWT_BEARER_CLIENT_ASSERTION)) {
    throw invalidClient('unsupported_client_assertion_type')
  }
  try {
    const jwt = parseJwt(clientAssertion.assertion, deps.identityProviders.maxAssertionBytes)
    const clientId = request.one('client_id') ?? findClientId(jwt, isSvid, deps)
    return { jwt, isSvid, clientId }
  } catch (error) {
    throw refusalOf(error) ?? error
  }
}

/** The client that is registered for the issuer and subject of the assertion; otherwise the subject itself. */
function findClientId(jwt: UnverifiedJwt, isSvid: boolean, deps: ClientAssertionDeps): string {
  const sub = ownMember(jwt.payload, 'sub')
  if (typeof sub !== 'string') throw new TokenRejected('invalid_subject')
  const identityProvider = isSvid ? findTrustDomain(jwt, deps) : deps.identityProviders.findFor(jwt.payload)
  return (identityProvider && deps.findAssertedClient(identityProvider.id, sub)) ?? sub
}

/** Always verifies one signature, even if the refusal is already certain, so that its time shows nothing. */
async function verifyAssertionOf(
  client: Client | undefined,
  presented: PresentedClientAssertion,
  deps: AuthenticateByAssertionDeps,
): Promise<Client> {
  const { jwt } = presented
  let hasVerified = false
  const verify = async (keySource: VerificationKeySource) => {
    hasVerified = true
    try {
      await verifySignature(jwt, keySource)
    } catch (error) {
      hasVerified = !(isTokenRejected(error) && error.reason === 'unknown_key')
      throw error
    }
  }
  try {
    return await verifyByCredential(client, presented, verify, deps)
  } catch (error) {
    if (!hasVerified && refusalOf(error) !== undefined) await deps.decoyKeys.verify(jwt)
    throw error
  }
}

async function verifyByCredential(
  client: Client | undefined,
  { jwt, isSvid, clientId }: PresentedClientAssertion,
  verify: (keySource: VerificationKeySource) => Promise<void>,
  deps: AuthenticateByAssertionDeps,
): Promise<Client> {
  if (client === undefined) throw invalidClient('unknown_client')
  if (client.credential?.kind === 'identity_provider') {
    const { assertedBy } = client.credential
    const verifyByProvider = isSvid ? verifySvid : verifyProviderAssertion
    await verifyByProvider({ jwt, clientId, assertedBy, verifySignature: verify }, deps)
    return client
  }
  const keySource = deps.keysOf(client)
  if (keySource === undefined || isSvid) throw invalidClient('wrong_client_auth_method')
  if (ownMember(jwt.payload, 'sub') !== clientId) throw invalidClient('client_id_mismatch')
  await verifyOwnAssertion(jwt, clientId, () => verify(keySource), deps)
  return client
}

/** What events say of an assertion that did not authenticate, also in an outage. They name a client that was found only. */
function contextOfPresented({ jwt }: PresentedClientAssertion, client: Client | undefined): TokenContext {
  const { credential } = client ?? {}
  return {
    ...contextOfHeader(jwt.header),
    ...(client !== undefined && { clientId: printable(client.clientId) }),
    ...(credential?.kind === 'identity_provider' && { identityProvider: credential.assertedBy.identityProvider }),
  }
}

/** What the client sees of a failed authentication, with what events say; undefined for an outage. */
function refusalOf(error: unknown): OAuthError | undefined {
  if (!isTokenRejected(error) && !isOAuthError(error)) return undefined
  const refusal = isOAuthError(error) ? error : invalidClient('wrong_client_assertion')
  refusal.context = { ...error.context, ...(isTokenRejected(error) && { clientAssertionReason: error.reason }) }
  return refusal
}
