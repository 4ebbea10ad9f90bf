import type { AccessTokenRequest } from '../access-token/issue-access-token.js'
import type { Client } from '../client-auth/client-options.js'

/** What bounds the access that a client can obtain. */
export type RequestingClient = Pick<Client, 'clientId' | 'scopes' | 'lifetime' | 'identityProviders'>

/** What a grant allows, and what is issued for it. Each member is there, so that none comes from `Object.prototype`. */
export interface Authorization extends AccessTokenRequest {
  /** The names of the bindings that gave this, for the event. */
  bindings: readonly string[]
  /** The key that signed the assertion, for the event. */
  kid: string | undefined
  /** RFC 6749 §7.1; default: `Bearer`. */
  tokenType: string | undefined
  /** Further members of the answer. None of them replaces one of RFC 6749 §5.1. */
  response: Readonly<Record<string, unknown>> | undefined
}
