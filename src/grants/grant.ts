import type { Authorization } from '../authorization/authorization.js'
import type { Client } from '../client-auth/client-options.js'
import type { TokenRequest } from '../oauth/token-request.js'

/**
 * A grant type of your own, for the option `grants`: one more way to get an access token. The client has been authenticated
 * before `authorize` is called, and what `authorize` returns is checked before a token is issued. See docs/grants.md.
 *
 * @example
 * // RFC 8693, with a JWT of a registered identity provider as the subject token.
 * const tokenExchange: Grant = {
 *   grantType: 'urn:ietf:params:oauth:grant-type:token-exchange',
 *   async authorize(request, client, { authorizeAssertion }) {
 *     if (request.one('subject_token_type') !== 'urn:ietf:params:oauth:token-type:jwt') {
 *       throw new OAuthError('invalid_request', 'The subject_token_type must be jwt')
 *     }
 *     const access = await authorizeAssertion(request.one('subject_token'))
 *     return { ...access, response: { issued_token_type: 'urn:ietf:params:oauth:token-type:access_token' } }
 *   },
 * }
 * createJwtExchange({ ...options, grants: [tokenExchange] })
 */
export interface Grant {
  /** The value of `grant_type`: a name, or an absolute URI (RFC 6749 §4.5), but not the value of a built-in grant. */
  grantType: string
  /** Parameters that a request may have more than once, in addition to `resource`. Default: none. */
  repeatableParameters?: readonly string[]
  /**
   * Decides about one request. It must settle within `hostFunctions.timeout`. Do what cannot be undone last, such as marking
   * a code as used.
   *
   * @returns what the client gets
   * @throws OAuthError for the client, such as `new OAuthError('invalid_grant', 'The code is not valid')`
   * @throws TokenRejected becomes `invalid_grant`
   * @throws DependencyUnavailable becomes 503. So does everything else that is thrown, with the reason `grant_failed`
   */
  authorize(
    request: TokenRequest,
    client: AuthenticatedClient,
    tools: GrantTools,
  ): GrantedAccess | Promise<GrantedAccess>
}

/** The client that sent the request, and may use the grant. */
export interface AuthenticatedClient {
  readonly clientId: string
  /** The scopes that it may obtain. */
  readonly scopes: readonly string[]
}

/** What a grant may use. */
export interface GrantTools {
  /**
   * Verifies an assertion of a registered identity provider as the JWT bearer grant does: with all rules of the provider and
   * the client, and with the parameters `scope` and `resource` of the request. Then it marks the assertion as used.
   *
   * If it is refused, the request is refused, even if the grant does not await this or ignores the refusal.
   * When the grant has returned or thrown, this verifies nothing any more.
   *
   * @param assertion undefined and empty are refused with `invalid_request`
   * @returns the access that the JWT bearer grant would give. The grant may narrow it, and cannot give more
   */
  authorizeAssertion(assertion: string | undefined): Promise<GrantedAccess>
  /** Aborted after `hostFunctions.timeout`, when the request no longer waits. */
  signal: AbortSignal
}

/** What a grant gives. Unknown members are refused, so that a typo cannot lose a bound. */
export interface GrantedAccess {
  /** The `sub` of the access token: not the id of a client, and without invisible characters. */
  subject: string
  /**
   * Scopes that the client, and the identity provider if there is one, may obtain. Any other scope: `invalid_scope`. Those that
   * do not belong to each of the resources are left out.
   */
  scopes: readonly string[]
  /**
   * Identifiers of `resources`, or without that option some of `accessToken.audience`. Default: what the parameter `resource`
   * requests; without it, the default resources. With `resources`, they must be among what it requests.
   */
  audiences?: readonly string[]
  /** Further claims of the access token, at most 8192 bytes as JSON. Claims that the exchange sets itself are refused. */
  claims?: Readonly<Record<string, unknown>>
  /** Seconds, 1 to 86 400. The lifetimes of the exchange, the client and the identity provider bound it, too. */
  lifetime?: number
  /** Seconds since the epoch: the access token expires then, at the latest. */
  latestExpiry?: number
  /**
   * The `id` (by default the `name`) of the registered identity provider that vouches for the subject. When it is disabled,
   * the access token is refused. Default: the provider of the assertion that `authorizeAssertion` has verified; otherwise none.
   * Required if it has verified assertions of several providers.
   */
  identityProvider?: string
  /** The names of the bindings that gave this access, for the event. */
  bindings?: readonly string[]
  /** Further members of the answer, such as `issued_token_type`. */
  response?: Readonly<Record<string, string | number | boolean>>
}

/** A grant as the token endpoint uses it. */
export interface GrantHandler {
  readonly grantType: string
  /** The parameters that a request may have more than once. All others are refused if they are repeated. */
  readonly repeatableParameters: readonly string[]
  /**
   * @throws OAuthError for the client: `invalid_request`, `invalid_scope`, …
   * @throws TokenRejected for a bad assertion: becomes `invalid_grant`
   * @throws DependencyUnavailable for an outage: becomes 503
   */
  authorize(request: TokenRequest, client: Client): Promise<Authorization>
  /** The same for a request without a client; undefined: this grant requires one. */
  authorizeWithoutClient?: ((request: TokenRequest) => Promise<Authorization>) | undefined
}
