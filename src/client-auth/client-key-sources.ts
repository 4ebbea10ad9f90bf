import { DIRECT_CONNECTION } from '../guarded-fetch/connection-options.js'
import type { ChosenJwksClients } from '../jwks/jwks-client-pool.js'
import { FixedKeySource } from '../verification-keys/configured-key-sources.js'
import type { VerificationKeySource } from '../verification-keys/key-source.js'
import type { Client } from './client-options.js'

/** Finds the keys of a client; undefined if its credential is of another kind. */
export type ClientKeySources = (client: Client) => VerificationKeySource | undefined

/**
 * Gives each fixed client with a `jwksUri` its JWKS client.
 *
 * @param alias our issuer: who we are to the clients
 */
export function createClientKeySources(
  clients: readonly Client[],
  alias: string,
  jwksClients: ChosenJwksClients,
): ClientKeySources {
  const byId = new Map<string, VerificationKeySource>()
  for (const { clientId, credential } of clients) {
    if (credential?.kind !== 'keys' || credential.keys.from !== 'jwksUri') continue
    const { jwksUri } = credential.keys
    const owner = { kind: 'client' as const, name: clientId }
    byId.set(clientId, jwksClients.clientFor({ owner, alias, jwksUri, connection: DIRECT_CONNECTION }))
  }
  return ({ clientId, credential }) => {
    if (credential?.kind !== 'keys') return undefined
    return credential.keys.from === 'jwks' ? new FixedKeySource(credential.keys.keySet) : byId.get(clientId)
  }
}
