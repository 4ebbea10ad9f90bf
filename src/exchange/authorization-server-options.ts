import { type ResourceOptions, readResources } from '../access-token/resource-options.js'
import type { Resource } from '../access-token/resources.js'
import { type MetadataSettings, readMetadata } from '../express/metadata-options.js'
import type { OptionReader } from '../option-checks/option-reader.js'
import { isSecureUrl } from '../option-checks/urls.js'
import { type ImpliedScopes, readImpliedScopes } from '../protected-route/implied-scopes.js'

/**
 * Who this service is as an authorization server, and what its metadata say. They are options of `createJwtExchange`.
 *
 * @example
 * const server: AuthorizationServerOptions = {
 *   issuer: 'https://api.example.com/oauth2',
 *   mtlsTokenEndpoint: 'https://mtls.api.example.com/oauth2/token',
 *   metadata: { service_documentation: 'https://api.example.com/docs' },
 * }
 */
export interface AuthorizationServerOptions {
  /**
   * Who this service is as an authorization server: the `iss` of its access tokens. `https`, or `http` on loopback;
   * no query, no fragment (RFC 8414 §2).
   */
  issuer: string
  /** The URL of the token endpoint, for the metadata and as the default `alias`. Default: `{issuer}/token`. */
  tokenEndpoint?: string
  /**
   * The URL at which clients with a TLS certificate reach the token endpoint, for the metadata: a host usually asks for
   * certificates on a port or name of its own (RFC 8705 §5). `https`, no fragment. Default: none.
   */
  mtlsTokenEndpoint?: string
  /** Refuse token requests that did not come over TLS, according to Express's `req.secure`. Default: false. */
  requireHttps?: boolean
  /**
   * Serve `{issuer}/.well-known/openid-configuration` through `exchange.wellKnown`, for verifiers of access tokens that
   * look for the key set there. It is not a login service: there is no `authorization_endpoint`. Default: false.
   */
  openidConfiguration?: boolean
  /**
   * Serve `POST /introspect` next to the token endpoint (RFC 7662), which says whether an access token of this service is valid.
   * Each client sees only its own tokens, and tokens for its `resources`. Default: false.
   */
  introspection?: boolean
  /**
   * Further members of the metadata, by their names in RFC 8414: JSON values of at most 16 KiB together. A member that the
   * exchange publishes itself is refused, but two: `scopes_supported` replaces the list (`[]` lists none), and
   * `response_types_supported` describes your own `authorization_endpoint`. Default: none.
   */
  metadata?: Readonly<Record<string, unknown>>
  /**
   * Scopes that imply others at routes: an access token with the broader scope passes where `scope` or `anyScope` asks for one of
   * the narrower scopes, by way of several steps, too. Nothing is added to the token or to `req.auth`. Default: none.
   */
  impliedScopes?: Readonly<Record<string, readonly string[]>>
  /**
   * The resources that access tokens are for, 1 to 1000 (RFC 8707): a request names them by `resource`, and its access token
   * has only scopes of them. `exchange.wellKnown` then serves their metadata (RFC 9728). Default: one for each
   * `accessToken.audience`, with any scope and without metadata.
   */
  resources?: readonly ResourceOptions[]
}

export interface AuthorizationServerSettings {
  issuer: string
  tokenEndpoint: string
  mtlsTokenEndpoint: string | undefined
  requireHttps: boolean
  openidConfiguration: boolean
  introspection: boolean
  metadata: MetadataSettings
  /** undefined: no scope implies another. */
  impliedScopes: ImpliedScopes | undefined
  /** undefined without the option. */
  resources: readonly Resource[] | undefined
}

export function readAuthorizationServerOptions(reader: OptionReader): AuthorizationServerSettings {
  const issuer = reader.string('issuer', 'an https URL without query and fragment (http only on loopback)', isIssuer)
  return {
    issuer,
    tokenEndpoint: readTokenEndpoint(reader, issuer),
    mtlsTokenEndpoint: readMtlsTokenEndpoint(reader),
    requireHttps: reader.boolean('requireHttps', false),
    openidConfiguration: reader.boolean('openidConfiguration', false),
    introspection: reader.boolean('introspection', false),
    metadata: readMetadata(reader),
    impliedScopes: readImpliedScopes(reader),
    resources: readResources(reader),
  }
}

function isIssuer(text: string): boolean {
  return isSecureUrl(text) && !text.includes('?')
}

function readTokenEndpoint(reader: OptionReader, issuer: string): string {
  if (!reader.has('tokenEndpoint')) return `${issuer.replace(/\/$/, '')}/token`
  return reader.string('tokenEndpoint', 'an https URL without fragment (http only on loopback)', isSecureUrl)
}

function readMtlsTokenEndpoint(reader: OptionReader): string | undefined {
  if (!reader.has('mtlsTokenEndpoint')) return undefined
  return reader.string('mtlsTokenEndpoint', 'an https URL without fragment', isHttpsUrl)
}

/** Never http, even on loopback: without TLS there is no client certificate. */
function isHttpsUrl(text: string): boolean {
  return isSecureUrl(text) && new URL(text).protocol === 'https:'
}
