import { fetchBounded, parseJsonBody, readOk } from '../guarded-fetch/bounded-fetch.js'
import { DIRECT_CONNECTION } from '../guarded-fetch/connection-options.js'
import { type FetchFailure, JwksFetchError, toJwksFetchError } from '../guarded-fetch/fetch-error.js'
import { isHostAllowed, type Network } from '../guarded-fetch/network-guard.js'
import { metadataUrlOf } from '../jwks/fetch-metadata.js'
import { ASYMMETRIC_ALGORITHMS } from '../jwt/algorithms.js'
import { isJsonObject, ownMember } from '../jwt/parse-json-object.js'
import { isSecureUrl } from '../option-checks/urls.js'
import { AdminProblem, invalidEntry } from './problem.js'

/** What the metadata of an issuer say of its keys. */
export interface DiscoveredIssuer {
  /** What to use as `name`. */
  issuer: string
  metadataUrl: string
  jwksUri: string
  /** The algorithms of its ID tokens that assertions may have. Its assertions may have others. */
  algorithms: readonly string[]
}

export interface DiscoveryDeps {
  network: Network
  /** Seconds since the epoch. */
  now: number
  closing: AbortSignal
}

/** Milliseconds, and bytes. */
const LIMITS = { connectionTimeout: 2000, readTimeout: 3000, sizeLimitBytes: 131_072 }
const MAX_LENGTH = 1000

/**
 * Looks for the metadata of an issuer: at the address of OpenID Connect Discovery first, then at the addresses of RFC 8414 §3.
 *
 * @param issuer also the URL of the metadata themselves
 * @throws AdminProblem 422 for what is not an https URL of an allowed host, or if nothing usable is found
 */
export async function discoverIssuer(issuer: unknown, deps: DiscoveryDeps): Promise<DiscoveredIssuer> {
  const attempts: FetchFailure[] = []
  for (const url of metadataUrls(readIssuer(issuer, deps.network))) {
    try {
      return await fetchIssuer(url, deps)
    } catch (error) {
      attempts.push(toJwksFetchError(error, 'read_failed').describe())
    }
  }
  throw new AdminProblem('discovery-failed', 'Check the issuer, or set the JWKS endpoint yourself.', { attempts })
}

function readIssuer(issuer: unknown, network: Network): URL {
  const isUrl = typeof issuer === 'string' && issuer.length <= MAX_LENGTH && isSecureUrl(issuer)
  if (!isUrl) throw refuseIssuer('expected the https URL of an issuer, without user info or fragment')
  const url = new URL(issuer)
  if (isHostAllowed(url.hostname, network)) return url
  throw refuseIssuer('expected a host of the public internet')
}

function refuseIssuer(message: string): AdminProblem {
  return invalidEntry([{ code: 'invalid', path: ['issuer'], message }])
}

function metadataUrls(issuer: URL): readonly URL[] {
  if (issuer.pathname.includes('/.well-known/')) return [issuer]
  const { origin, pathname } = issuer
  const path = pathname.replace(/\/$/, '')
  const urls = [
    metadataUrlOf(`${origin}${path}`),
    `${origin}/.well-known/oauth-authorization-server${path}`,
    `${origin}/.well-known/openid-configuration${path}`,
  ]
  return [...new Set(urls)].map((url) => new URL(url))
}

/** @throws JwksFetchError */
function fetchIssuer(endpoint: URL, { network, now, closing }: DiscoveryDeps): Promise<DiscoveredIssuer> {
  const totalTimeout = LIMITS.connectionTimeout + LIMITS.readTimeout
  const fetch = { endpoint, limits: LIMITS, connection: { ...DIRECT_CONNECTION, network }, totalTimeout, now }
  return fetchBounded(fetch, closing, {}, async (response) => {
    return readMetadata(parseJsonBody(await readOk(response, fetch)), endpoint)
  })
}

/** What is found is only a proposal: an entry with `discovery` checks that the metadata are those of its `name`. */
function readMetadata(metadata: unknown, endpoint: URL): DiscoveredIssuer {
  if (!isJsonObject(metadata)) throw new JwksFetchError('not_metadata', { detail: 'it is not a JSON object' })
  const issuer = ownMember(metadata, 'issuer')
  const jwksUri = ownMember(metadata, 'jwks_uri')
  if (typeof issuer !== 'string' || issuer.length > MAX_LENGTH) {
    throw new JwksFetchError('not_metadata', { detail: 'it has no issuer' })
  }
  if (typeof jwksUri !== 'string' || jwksUri.length > MAX_LENGTH || !isSecureUrl(jwksUri)) {
    throw new JwksFetchError('not_metadata', { detail: 'it has no jwks_uri that is an https URL' })
  }
  const algorithms = ownMember(metadata, 'id_token_signing_alg_values_supported')
  const isSupported = (name: string) => Array.isArray(algorithms) && algorithms.includes(name)
  return { issuer, metadataUrl: endpoint.href, jwksUri, algorithms: ASYMMETRIC_ALGORITHMS.filter(isSupported) }
}
