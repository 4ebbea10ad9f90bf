import type { ClientAuthMethod } from '../client-auth/client-auth-method.js'
import type { ExchangeEventEmitter } from '../events/exchange-events.js'
import { pathOf } from '../protected-route/host-request.js'
import type { ProxyWarning } from '../protected-route/proxy-warning.js'
import { normalisePath, type TokenEndpoints } from './endpoint-warnings.js'
import type { Middleware } from './http.js'
import { createTokenEndpoint, type TokenEndpointDeps } from './token-endpoint.js'
import {
  createIntrospectionEndpoint,
  createRevocationEndpoint,
  type IntrospectionEndpointDeps,
  type RevocationEndpointDeps,
} from './token-status-endpoints.js'

/** What the endpoints need of one configuration. */
export interface ConfiguredEndpoints {
  tokenEndpoint: TokenEndpointDeps
  /** undefined: not served. */
  introspection: IntrospectionEndpointDeps | undefined
  revocation: RevocationEndpointDeps | undefined
  /** Answers with our public keys. */
  keySet: Middleware
}

export interface EndpointDeps {
  /** What is in force. It is asked for each request. */
  configured: () => ConfiguredEndpoints
  tokenEndpoints: TokenEndpoints
  events: ExchangeEventEmitter
  proxyWarning: ProxyWarning
}

/** What the metadata need of one configuration. */
export interface EndpointMetadataDeps {
  /** The URL of the token endpoint. The other endpoints are next to it. */
  tokenEndpoint: string
  /** The same for clients with a TLS certificate, if it is another one. */
  mtlsTokenEndpoint: string | undefined
  grantTypes: readonly string[]
  clientAuthMethods: readonly Pick<ClientAuthMethod, 'name' | 'signingAlgorithms'>[]
  /** Whether an identity provider accepts requests without a client. */
  mayBeWithoutClient: boolean
  isIntrospectionServed: boolean
  isRevocationServed: boolean
}

interface Endpoint {
  path: string
  /** Takes requests of every method. The endpoint answers other methods than its own as OAuth JSON with 405. */
  create(deps: EndpointDeps): Middleware
  /** Its members of the metadata (RFC 8414 §2). */
  metadataOf(deps: EndpointMetadataDeps): object
}

/** Every endpoint of the router; all that a new one needs is a row here. */
export const ENDPOINTS: readonly Endpoint[] = [
  {
    path: '/token',
    create: ({ configured, tokenEndpoints, events, proxyWarning }) =>
      createTokenEndpoint(() => configured().tokenEndpoint, tokenEndpoints, { events, proxyWarning }),
    metadataOf: (deps) => ({
      token_endpoint: deps.tokenEndpoint,
      grant_types_supported: deps.grantTypes,
      token_endpoint_auth_methods_supported: [
        ...deps.clientAuthMethods.map(({ name }) => name),
        ...(deps.mayBeWithoutClient ? ['none'] : []),
      ],
      ...nonEmpty('token_endpoint_auth_signing_alg_values_supported', signingAlgorithmsOf(deps.clientAuthMethods)),
      ...mtlsAliasesOf(deps),
    }),
  },
  {
    path: '/jwks',
    create: (deps) => (req, res, next) => deps.configured().keySet(req, res, next),
    metadataOf: ({ tokenEndpoint }) => ({ jwks_uri: new URL('jwks', tokenEndpoint).href }),
  },
  {
    path: '/introspect',
    create: ({ configured, ...reporting }) => createIntrospectionEndpoint(() => configured().introspection, reporting),
    metadataOf: (deps) => (deps.isIntrospectionServed ? statusMetadataOf('introspection', deps) : {}),
  },
  {
    path: '/revoke',
    create: ({ configured, ...reporting }) => createRevocationEndpoint(() => configured().revocation, reporting),
    metadataOf: (deps) => (deps.isRevocationServed ? statusMetadataOf('revocation', deps) : {}),
  },
]

/** The paths of endpoints for tokens that were issued. */
const STATUS_PATHS = { introspection: 'introspect', revocation: 'revoke' }

/** A caller without a client is not accepted (RFC 7662 §2.1). */
function statusMetadataOf(
  endpoint: keyof typeof STATUS_PATHS,
  { tokenEndpoint, clientAuthMethods }: EndpointMetadataDeps,
): object {
  const methods = clientAuthMethods.map(({ name }) => name)
  const algorithms = signingAlgorithmsOf(clientAuthMethods)
  return {
    [`${endpoint}_endpoint`]: new URL(STATUS_PATHS[endpoint], tokenEndpoint).href,
    ...nonEmpty(`${endpoint}_endpoint_auth_methods_supported`, methods),
    ...nonEmpty(`${endpoint}_endpoint_auth_signing_alg_values_supported`, algorithms),
  }
}

/** RFC 8705 §5. */
function mtlsAliasesOf({
  mtlsTokenEndpoint,
  isIntrospectionServed,
  isRevocationServed,
}: EndpointMetadataDeps): object | undefined {
  if (mtlsTokenEndpoint === undefined) return undefined
  const nextToIt = (path: string) => new URL(path, mtlsTokenEndpoint).href
  return {
    mtls_endpoint_aliases: {
      token_endpoint: mtlsTokenEndpoint,
      ...(isIntrospectionServed && { introspection_endpoint: nextToIt(STATUS_PATHS.introspection) }),
      ...(isRevocationServed && { revocation_endpoint: nextToIt(STATUS_PATHS.revocation) }),
    },
  }
}

/**
 * What is mounted at the path above the token endpoint. At the root of a host, every request comes by here, and one look at a map
 * passes it on. A router of Express would try each path.
 */
export function createRouter(deps: EndpointDeps): Middleware {
  const endpoints = new Map(ENDPOINTS.map(({ path, create }) => [path, create(deps)]))
  return (req, res, next) => {
    const endpoint = endpoints.get(normalisePath(pathOf(req.url)))
    if (endpoint === undefined) next()
    else endpoint(req, res, next)
  }
}

/** RFC 8414 §3.2: a member with an empty array is left out. */
export function nonEmpty(name: string, values: readonly string[]): object {
  return values.length > 0 ? { [name]: values } : {}
}

/** Two names of one algorithm (RFC 9864 §2.2): a client may know either. */
const ED25519_NAMES = ['Ed25519', 'EdDSA']

/** Of all methods that are on, each once. */
function signingAlgorithmsOf(methods: EndpointMetadataDeps['clientAuthMethods']): string[] {
  // Spread below the method, so that nothing is read from `Object.prototype` instead.
  const names = methods.flatMap((method) => ({ signingAlgorithms: [], ...method }).signingAlgorithms)
  return [...new Set(names.flatMap((name) => (ED25519_NAMES.includes(name) ? ED25519_NAMES : [name])))]
}
