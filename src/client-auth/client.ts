import { hash } from 'node:crypto'

/** A registered caller of the token endpoint. */
export interface Client {
  clientId: string
  /** SHA-256 of the secret: the secret itself is not kept. */
  secretDigest: Buffer
  /** The most that it can obtain. */
  scopes: readonly string[]
  /** Seconds, at most, of access tokens that it obtains; undefined: no bound of its own. */
  lifetime: number | undefined
  /** The `name`s of the identity providers whose assertions it may exchange; undefined: all. */
  identityProviders: ReadonlySet<string> | undefined
  /** The grant types that it may use; undefined: all. */
  grantTypes: ReadonlySet<string> | undefined
}

export function digestSecret(secret: string): Buffer {
  return hash('sha256', secret, 'buffer')
}
