import type { Resources } from '../access-token/resources.js'
import { isScopeToken, JWT_BEARER_GRANT_TYPE } from '../oauth/scope.js'
import { OptionReader } from '../option-checks/option-reader.js'
import { DEFAULT_MAX_KEYS } from '../verification-keys/key-set.js'
import type { AssertedByOptions } from './asserted-client.js'
import type { ClientCertificateOptions } from './client-certificate-options.js'
import { type ClientCredential, readClientCredential } from './client-credential.js'
import type { ClientKeyContext } from './client-keys.js'

/**
 * One client. It authenticates in one way: with a secret, by HTTP Basic or in the body (RFC 6749 §2.3.1), with assertions that
 * it signs with its own key (`private_key_jwt`, RFC 7523 §2.2), with assertions of an identity provider, or with its
 * certificate (RFC 8705 §2).
 *
 * @example
 * const client: ClientOptions = {
 *   clientId: 'reports',
 *   clientSecretHash: hashClientSecret(process.env.REPORTS_SECRET ?? ''),
 *   scopes: ['orders:read'],
 *   lifetime: 300,
 * }
 */
export interface ClientOptions {
  /** Its id: printable ASCII, and different for each client. */
  clientId: string
  /**
   * The secret itself, 16 characters or more, without white space around it. Generate it with at least 128 random bits:
   * whoever guesses it can act as the client.
   */
  clientSecret?: string
  /** Instead of the secret: `sha256:` and the SHA-256 of the secret in hex or base64url; see `hashClientSecret`. */
  clientSecretHash?: string
  /**
   * Instead of a secret: the public keys of the client, which signs assertions with the private keys (`private_key_jwt`). At
   * most `jwksEndpoint.maxKeys`.
   */
  jwks?: { keys: readonly unknown[] }
  /**
   * Instead of `jwks`: where its public keys are. They are fetched within the limits of `jwksEndpoint`. `https`, or `http` on
   * loopback. A client that `findClient` returns cannot have it.
   */
  jwksUri?: string
  /** Instead of a secret: the TLS certificate of the client. */
  certificate?: ClientCertificateOptions
  /** Instead of a secret: the identity provider whose assertions authenticate the client. */
  assertedBy?: AssertedByOptions
  /** The scopes that this client may obtain; it gets all of them if it requests none. Default: none. */
  scopes?: readonly string[]
  /** The longest lifetime of its access tokens, in seconds, 1 to 86 400. Default: `accessToken.lifetime`. */
  lifetime?: number
  /** The identity providers whose assertions it may exchange, by `id`, or by `name` if they have no `id`. Default: all. */
  identityProviders?: readonly string[]
  /**
   * The resources whose access tokens it may obtain, and which are its own at introspection: identifiers of `resources`, or
   * without that option some of `accessToken.audience`. Default: it may obtain access tokens for all of them.
   */
  resources?: readonly string[]
  /** The grant types that it may use. Default: all. */
  grantTypes?: readonly string[]
}

/**
 * Looks up a client, instead of a fixed list; returns undefined for an unknown id. If it rejects, the request is answered
 * with 503. So is a request for a client that could not be in `clients`, for example because its `lifetime` is undefined or
 * null: leave the member out instead. Names in it are not compared with the options: a client whose `assertedBy` names no
 * registered identity provider cannot authenticate, and gets 401. The function is also called with the subject of each new access token, and of each
 * assertion behind the assertion strategy, because a subject must not be the id of a client.
 *
 * @example
 * const clients = new Map<string, ClientOptions>()
 * const findClient: FindClient = async (clientId) => clients.get(clientId)
 *
 * @param signal aborted after `hostFunctions.timeout`, when the request no longer waits for the answer
 */
export type FindClient = (
  clientId: string,
  signal: AbortSignal,
) => ClientOptions | undefined | Promise<ClientOptions | undefined>

/** A registered caller of the token endpoint. */
export interface Client {
  clientId: string
  /** How it authenticates; undefined only until the problem is reported. */
  credential: ClientCredential | undefined
  /** The scopes that it may obtain. */
  scopes: readonly string[]
  /** The longest lifetime of its access tokens, in seconds; undefined: no bound of its own. */
  lifetime: number | undefined
  /** The ids of the identity providers whose assertions it may exchange; undefined: all. */
  identityProviders: ReadonlySet<string> | undefined
  /** The identifiers of its resources, spelled as these are; undefined: it has no option of its own. */
  resources: ReadonlySet<string> | undefined
  /** The grant types that it may use; undefined: all. */
  grantTypes: ReadonlySet<string> | undefined
}

/** What the options of a client depend on. */
export interface ClientContext extends ClientKeyContext {
  /** The grant types of the option `grants`. */
  ownGrantTypes: readonly string[]
  resources?: Resources
  /** The names of the identity providers. No client may have one as its id. */
  identityProviderNames?: ReadonlySet<string>
}

/** If no other options are known. */
export const NO_CONTEXT: ClientContext = {
  ownGrantTypes: [],
  jwksEndpoint: { enable: true, maxKeys: DEFAULT_MAX_KEYS },
}

/** An assertion with this `iss` could be the identity provider's or the client's. */
function refuseProviderName(reader: OptionReader): void {
  const slip = 'is also the `name` of an identity provider, so an assertion with this `iss` could be from either'
  reader.note('conflict', 'clientId', `${slip}; choose another id`)
}

export function readClientOptions(reader: OptionReader, context = NO_CONTEXT): Client {
  const isWhole = (text: string) => isWholeGrantType(text, [JWT_BEARER_GRANT_TYPE, ...context.ownGrantTypes])
  const identityProviders = reader.strings('identityProviders', 'the `id` or `name` of an identity provider')
  const grantTypes = reader.strings('grantTypes', `a whole grant type, such as ${JWT_BEARER_GRANT_TYPE}`, isWhole)
  const resources = reader.strings('resources', 'the identifier of a resource')
  const client = {
    clientId: reader.string('clientId', 'a non-empty string of printable ASCII (RFC 6749 §2.2)', isVisibleText),
    credential: readClientCredential(reader, context),
    scopes: [...new Set(reader.strings('scopes', 'a scope token (RFC 6749 §3.3)', isScopeToken))],
    lifetime: reader.optionalInteger('lifetime', { min: 1, max: 86_400, unit: 'seconds' }),
    identityProviders: identityProviders && new Set(identityProviders),
    resources: resources && new Set(resources.map((each) => context.resources?.find(each)?.identifier ?? each)),
    grantTypes: grantTypes && new Set(grantTypes),
  }
  if (client.clientId !== '' && context.identityProviderNames?.has(client.clientId)) refuseProviderName(reader)
  reader.refuseUnknown()
  return client
}

/**
 * What a `findClient` found, checked like a fixed client.
 *
 * @throws ConfigError
 */
export function readFoundClient(options: ClientOptions, context = NO_CONTEXT): Client {
  const reader = new OptionReader(options, ['findClient()'])
  const client = readClientOptions(reader, context)
  reader.throwProblems()
  return client
}

/** Grant types of other servers are accepted. The mere end of one of ours is a typo, with which the client would get nothing. */
function isWholeGrantType(text: string, ours: readonly string[]): boolean {
  return text !== '' && (ours.includes(text) || !ours.some((grantType) => grantType.endsWith(text)))
}

/** RFC 6749 App. A.1: *VSCHAR. */
export function isVisibleText(text: string): boolean {
  return /^[\x20-\x7E]+$/.test(text)
}
