import { isSecureUrl } from '../option-checks/urls.js'
import { type BoundedFetch, fetchBounded, parseJson, readOk } from './bounded-fetch.js'
import { JwksFetchError } from './jwks-fetch-error.js'

export interface MetadataFetch extends BoundedFetch {
  /** Whose metadata it must be. */
  issuer: string
}

/** Where the metadata of an identity provider stand (OpenID Connect Discovery §4.1). */
export function metadataUrlOf(issuer: string): string {
  return `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`
}

/**
 * Gets `jwks_uri` from the metadata of an identity provider, whose `issuer` must be its name exactly (OpenID Connect
 * Discovery §4.3, RFC 8414 §3.3).
 *
 * @throws JwksFetchError
 */
export function fetchMetadata(metadataFetch: MetadataFetch, closing: AbortSignal): Promise<URL> {
  return fetchBounded(metadataFetch, closing, {}, async (response) => {
    return readJwksUri(parseJson(await readOk(response, metadataFetch)), metadataFetch)
  })
}

/** https, whoever says otherwise; http only where the metadata themselves are on loopback, in tests and development. */
function readJwksUri(metadata: unknown, { issuer, endpoint }: MetadataFetch): URL {
  if (typeof metadata !== 'object' || metadata === null || Array.isArray(metadata))
    throw new JwksFetchError('not_metadata')
  const { issuer: found, jwks_uri: jwksUri } = metadata as Record<string, unknown>
  if (typeof found !== 'string') throw new JwksFetchError('not_metadata')
  if (found !== issuer) throw new JwksFetchError('metadata_of_another_issuer')
  if (typeof jwksUri !== 'string' || !isSecureUrl(jwksUri)) throw new JwksFetchError('not_metadata')
  const url = new URL(jwksUri)
  if (url.protocol !== 'https:' && endpoint.protocol === 'https:') throw new JwksFetchError('not_metadata')
  return url
}
