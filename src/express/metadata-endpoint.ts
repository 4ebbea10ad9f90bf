import type { ExpressRequest, Middleware } from './http.js'
import { createPublicDocument } from './public-document.js'

export interface MetadataDeps {
  issuer: string
  tokenEndpoint: string
  jwksUri: string
  grantTypes: readonly string[]
  /** Those of the fixed clients; none are told of clients that are looked up. */
  scopes: readonly string[]
}

const WELL_KNOWN = '/.well-known/oauth-authorization-server'

/** RFC 8414 metadata, at the well-known path of the issuer (§3.1). Mount it at the host's root. */
export function createMetadataEndpoint(deps: MetadataDeps): Middleware {
  const path = WELL_KNOWN + new URL(deps.issuer).pathname.replace(/\/$/, '')
  const sendDocument = createPublicDocument(metadataOf(deps))
  return (req: ExpressRequest, res, next) => (req.path === path ? sendDocument(req, res) : next())
}

/**
 * RFC 8414 §2. There is no authorization endpoint, but `response_types_supported` is required and must not be empty
 * (§3.2), so it names the response type `none`.
 */
function metadataOf(deps: MetadataDeps) {
  return {
    issuer: deps.issuer,
    token_endpoint: deps.tokenEndpoint,
    jwks_uri: deps.jwksUri,
    response_types_supported: ['none'],
    grant_types_supported: deps.grantTypes,
    token_endpoint_auth_methods_supported: ['client_secret_basic', 'client_secret_post'],
    ...(deps.scopes.length > 0 && { scopes_supported: deps.scopes }),
  }
}
