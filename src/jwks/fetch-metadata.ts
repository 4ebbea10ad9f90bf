import { type BoundedFetch, fetchBounded, parseJsonBody, readOk } from '../guarded-fetch/bounded-fetch.js'
import { describeDocument, withoutUserInfo } from '../guarded-fetch/document-kind.js'
import { isJwksFetchError, JwksFetchError } from '../guarded-fetch/fetch-error.js'
import { isJsonObject, ownMember } from '../jwt/parse-json-object.js'
import { isSecureUrl, isWebUrl } from '../option-checks/urls.js'

export interface MetadataFetch extends BoundedFetch {
  /** Whose metadata it must be. */
  issuer: string
}

/** The URL of an issuer's metadata (OpenID Connect Discovery §4.1). */
export function metadataUrlOf(issuer: string): string {
  return `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`
}

/** The same for an issuer without OpenID (RFC 8414 §3.1): the well-known path comes before its own. */
function oauthMetadataUrlOf(issuer: string): URL {
  const url = new URL(issuer)
  return new URL(`/.well-known/oauth-authorization-server${url.pathname.replace(/\/$/, '')}`, url)
}

/**
 * Gets `jwks_uri` from the metadata of an issuer. Their `issuer` must be its name exactly (OpenID Connect Discovery §4.3,
 * RFC 8414 §3.3). If it has none where OpenID Connect Discovery puts them, they are read from where RFC 8414 does.
 *
 * @throws JwksFetchError
 */
export async function fetchMetadata(metadataFetch: MetadataFetch, closing: AbortSignal): Promise<URL> {
  try {
    return await fetchMetadataAt(metadataFetch, closing)
  } catch (error) {
    const { issuer, endpoint } = metadataFetch
    if (!isAbsent(error) || endpoint.href !== new URL(metadataUrlOf(issuer)).href) throw error
    return fetchMetadataAt({ ...metadataFetch, endpoint: oauthMetadataUrlOf(issuer) }, closing).catch((other) => {
      throw isAbsent(other) ? error : other
    })
  }
}

function isAbsent(error: unknown): boolean {
  return isJwksFetchError(error) && error.failure === 'unexpected_status' && error.code === '404'
}

function fetchMetadataAt(metadataFetch: MetadataFetch, closing: AbortSignal): Promise<URL> {
  return fetchBounded(metadataFetch, closing, {}, async (response) => {
    return readJwksUri(parseJsonBody(await readOk(response, metadataFetch)), metadataFetch)
  })
}

/**
 * Always https, except for metadata that were themselves fetched by http in tests and development: on loopback, or if that is
 * allowed for other hosts.
 */
function readJwksUri(metadata: unknown, { issuer, endpoint, connection }: MetadataFetch): URL {
  if (!isJsonObject(metadata)) throw notMetadata(describeDocument(metadata))
  const found = ownMember(metadata, 'issuer')
  const jwksUri = ownMember(metadata, 'jwks_uri')
  if (typeof found !== 'string') {
    throw notMetadata(Object.hasOwn(metadata, 'keys') ? describeDocument(metadata) : 'it has no issuer')
  }
  if (found !== issuer) throw new JwksFetchError('metadata_of_another_issuer', { detail: `its issuer is ${found}` })
  if (typeof jwksUri !== 'string') throw notMetadata('it has no jwks_uri')
  const isAllowed = connection.allowInsecureHttp ? isWebUrl : isSecureUrl
  const url = isAllowed(jwksUri) ? new URL(jwksUri) : undefined
  const isDowngrade = url?.protocol === 'http:' && endpoint.protocol === 'https:'
  if (url === undefined || isDowngrade)
    throw notMetadata(`its jwks_uri is not an https URL without user info: ${withoutUserInfo(jwksUri)}`)
  return url
}

function notMetadata(detail: string): JwksFetchError {
  return new JwksFetchError('not_metadata', { detail })
}
