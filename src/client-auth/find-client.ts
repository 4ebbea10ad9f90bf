import { DependencyUnavailable } from '../errors/rejections.js'
import type { Client } from './client.js'
import { type FindClientOptions, isVisibleText, readFoundClient } from './client-options.js'

const LONGEST_CLIENT_ID = 1024

export type FindClient = (clientId: string) => Promise<Client | undefined>

/** Finds clients in the fixed list, or by the host's own function. */
export function createFindClient(clients: readonly Client[], findClient: FindClientOptions | undefined): FindClient {
  if (findClient !== undefined) return (clientId) => lookUp(clientId, findClient)
  const byId = new Map(clients.map((client) => [client.clientId, client]))
  return async (clientId) => byId.get(clientId)
}

/** An id that no client can have is not looked up: some databases fail on it. */
async function lookUp(clientId: string, findClient: FindClientOptions): Promise<Client | undefined> {
  if (clientId.length > LONGEST_CLIENT_ID || !isVisibleText(clientId)) return undefined
  try {
    const found = await findClient(clientId)
    const client = found === undefined || found === null ? undefined : readFoundClient(found)
    // A database that ignores case finds a client for ids that are not its own.
    return client?.clientId === clientId ? client : undefined
  } catch (cause) {
    throw new DependencyUnavailable('client_lookup_failed', { cause })
  }
}
