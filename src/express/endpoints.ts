import { Router } from 'express'
import type { ExchangeEventEmitter } from '../events/exchange-events.js'
import type { Middleware } from './http.js'
import { createTokenEndpoint, type TokenEndpointDeps } from './token-endpoint.js'

/** What the endpoints need of one configuration. */
export interface ConfiguredEndpoints {
  tokenEndpoint: TokenEndpointDeps
  /** Answers with our public keys. */
  keySet: Middleware
}

export interface EndpointDeps {
  /** What is in force. It is asked for each request. */
  configured: () => ConfiguredEndpoints
  /** The URL of the token endpoint in the metadata. */
  tokenEndpoint: string
  events: ExchangeEventEmitter
}

/** What the metadata need of one configuration. */
export interface EndpointMetadataDeps {
  /** The URL of the token endpoint. The other endpoints are next to it. */
  tokenEndpoint: string
  grantTypes: readonly string[]
  clientAuthMethods: readonly { name: string }[]
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
    create: ({ configured, tokenEndpoint, events }) =>
      createTokenEndpoint(() => configured().tokenEndpoint, tokenEndpoint, events),
    metadataOf: ({ tokenEndpoint, grantTypes, clientAuthMethods }) => ({
      token_endpoint: tokenEndpoint,
      grant_types_supported: grantTypes,
      token_endpoint_auth_methods_supported: clientAuthMethods.map(({ name }) => name),
    }),
  },
  {
    path: '/jwks',
    create: (deps) => (req, res, next) => deps.configured().keySet(req, res, next),
    metadataOf: ({ tokenEndpoint }) => ({ jwks_uri: new URL('jwks', tokenEndpoint).href }),
  },
]

/** What is mounted at the path above the token endpoint. */
export function createRouter(deps: EndpointDeps): Middleware {
  const router = Router()
  for (const { path, create } of ENDPOINTS) router.all(path, create(deps))
  return router as unknown as Middleware
}
