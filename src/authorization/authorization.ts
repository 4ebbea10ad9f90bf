import type { AccessTokenRequest } from '../access-token/issue-access-token.js'
import type { Client } from '../client-auth/client-options.js'

/** Who requests access with an assertion: a client, or a caller without a client. */
export interface RequestingClient extends Pick<Client, 'lifetime' | 'identityProviders' | 'resources'> {
  /** undefined: no client. */
  clientId: string | undefined
  /** The scopes that the client may obtain; undefined: no client, so only the identity provider bounds them. */
  scopes: readonly string[] | undefined
}

/** A request with an assertion alone (RFC 7523 §3.1). */
export const WITHOUT_CLIENT: RequestingClient = {
  clientId: undefined,
  scopes: undefined,
  lifetime: undefined,
  identityProviders: undefined,
  resources: undefined,
}

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
