import { type ExpressRequest, type Middleware, pathOf } from './http.js'
import { createPublicDocument } from './public-document.js'

export interface MetadataDeps {
  issuer: string
  tokenEndpoint: string
  jwksUri: string
  grantTypes: readonly string[]
  /** Those of the fixed clients; none are told of clients that are looked up. */
  scopes: readonly string[]
  /** The algorithms of our signing keys, retired ones included. */
  signingAlgorithms: readonly string[]
  openidConfiguration: boolean
}

const OAUTH_METADATA = '/.well-known/oauth-authorization-server'
const OPENID_CONFIGURATION = '/.well-known/openid-configuration'

/**
 * The metadata of the issuer: RFC 8414 §3.1 puts its well-known path before the issuer's own path, OpenID Connect
 * Discovery §4 behind it. Mount it at the host's root.
 */
export function createMetadataEndpoint(deps: MetadataDeps): Middleware {
  const pathOfIssuer = new URL(deps.issuer).pathname.replace(/\/$/, '')
  const documents = new Map([[OAUTH_METADATA + pathOfIssuer, createPublicDocument(metadataOf(deps))]])
  if (deps.openidConfiguration) {
    documents.set(pathOfIssuer + OPENID_CONFIGURATION, createPublicDocument(openidConfigurationOf(deps)))
  }
  return (req: ExpressRequest, res, next) => {
    const sendDocument = isWellKnown(req) ? findDocument(req, documents) : undefined
    if (sendDocument === undefined) next()
    else sendDocument(req, res)
  }
}

/** Before the path is taken apart: every request of a host comes by here. */
function isWellKnown({ originalUrl, url }: ExpressRequest): boolean {
  return (originalUrl ?? url)?.includes('/.well-known/') === true
}

/** Below the path at which the host has mounted it, or by the whole path. */
function findDocument<Document>({ originalUrl, url }: ExpressRequest, documents: ReadonlyMap<string, Document>) {
  return documents.get(pathOf(url)) ?? documents.get(pathOf(originalUrl))
}

/**
 * What verifiers of our access tokens look for (OpenID Connect Discovery §3), without the `authorization_endpoint` that
 * the standard requires: there is none, and no ID token. The algorithms are those of our access tokens.
 */
function openidConfigurationOf(deps: MetadataDeps) {
  return {
    ...metadataOf(deps),
    subject_types_supported: ['public'],
    id_token_signing_alg_values_supported: deps.signingAlgorithms,
  }
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
