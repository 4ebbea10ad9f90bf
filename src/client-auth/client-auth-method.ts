import type { RequestReason } from '../errors/reason-codes.js'
import { OAuthError } from '../oauth/errors.js'
import type { TokenRequest } from '../oauth/token-request.js'
import type { ClientCredential } from './client-credential.js'
import type { Client } from './client-options.js'
import type { FailureLimiter } from './failure-limiter.js'
import type { ClientLookup } from './find-client.js'

/**
 * One way in which a client authenticates itself. A method that needs more than the common dependencies, such as key
 * sources, is made by a function that takes them.
 */
export interface ClientAuthMethod {
  /** As in `token_endpoint_auth_methods_supported` (RFC 8414 §2). */
  readonly name: string
  /** Clients with a credential of this kind use it. */
  readonly credentialKind: ClientCredential['kind']
  /**
   * The algorithms with which clients may sign, for the metadata (RFC 8414 §2). Absent: the method has no signature.
   */
  readonly signingAlgorithms?: readonly string[]
  /** Whether a request has credentials of this method, even if they are malformed. */
  applies(request: TokenRequest): boolean
  /**
   * The client whose credentials the request has. Called only if `applies` is true.
   *
   * @throws OAuthError `invalid_client`; `temporarily_unavailable` with status 429 after too many failures
   * @throws DependencyUnavailable for an outage
   */
  authenticate(request: TokenRequest, deps: ClientAuthMethodDeps): Promise<Client>
}

/** What every method may use. */
export interface ClientAuthMethodDeps {
  /** @throws DependencyUnavailable `client_lookup_failed` */
  findClient: ClientLookup
  /** Counts failures of all methods together. */
  failureLimiter: FailureLimiter
}

/** The same message for every cause, so that it does not show which clients exist. */
export function invalidClient(reason: RequestReason): OAuthError {
  return new OAuthError('invalid_client', 'Client authentication failed', {
    reason,
    headers: { 'WWW-Authenticate': 'Basic realm="token endpoint", charset="UTF-8"' },
  })
}
