import type { Client } from '../client-auth/client-options.js'

/** What bounds the access that a client can obtain. */
export type RequestingClient = Pick<Client, 'clientId' | 'scopes' | 'lifetime' | 'identityProviders'>

/** What a grant allows, and what is issued for it. Each member is there, so that none comes from `Object.prototype`. */
export interface Authorization {
  subject: string
  /** Never more than the client and the identity provider may have. */
  scopes: readonly string[]
  /** The `aud` of the access token: some of the audiences of the exchange. */
  audiences: ReadonlySet<string>
  /** Claims of the access token in addition to its own. */
  claims: Readonly<Record<string, unknown>>
  /** Seconds, at most, of the access token; infinite if only the exchange bounds it. */
  lifetime: number
  /** Seconds since the epoch, at the latest, when the access token expires; infinite if nothing bounds it. */
  latestExpiry: number
  /** The `name` of the identity provider that vouches for the subject; undefined if that is another party. */
  identityProvider: string | undefined
  /** The names of the bindings that gave this, for the event. */
  bindings: readonly string[]
  /** The key that signed the assertion, for the event. */
  kid: string | undefined
  /** RFC 6749 §7.1; default: `Bearer`. */
  tokenType: string | undefined
  /** Further members of the answer. None of them replaces one of RFC 6749 §5.1. */
  response: Readonly<Record<string, unknown>> | undefined
}
