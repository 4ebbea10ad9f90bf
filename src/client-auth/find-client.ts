import { DependencyUnavailable } from '../errors/rejections.js'
import { isHostFunctionRefusal } from '../host-functions/host-functions.js'
import type { OptionReader } from '../option-checks/option-reader.js'
import { KnownKeySets } from './client-keys.js'
import {
  type Client,
  type ClientContext,
  type ClientOptions,
  type FindClient,
  isVisibleText,
  NO_CONTEXT,
  readFoundClient,
} from './client-options.js'

const MAX_CLIENT_ID_LENGTH = 1024
/** Read instead of an unknown client, so that an unknown id costs the same work as a known one. It never authenticates. */
const NO_CLIENT: ClientOptions = {
  clientId: 'no-client',
  clientSecret: 'the secret of no client at all',
  scopes: ['no:scope', 'no:other-scope'],
}

export type ClientLookup = (clientId: string) => Promise<Client | undefined>

/** The function of the host within the bounds of `hostFunctions`. */
export type BoundedFindClient = (clientId: string) => ReturnType<FindClient>

export function readFindClient(reader: OptionReader): FindClient | undefined {
  const value = reader.value('findClient')
  if (value === undefined || typeof value === 'function') return value as FindClient | undefined
  reader.problem('findClient', 'a function', undefined, 'wrong_type')
  return undefined
}

/** Finds clients in the fixed list, or by the host's own function. */
export function createFindClient(
  clients: readonly Client[],
  findClient: BoundedFindClient | undefined,
  context = NO_CONTEXT,
): ClientLookup {
  if (findClient !== undefined) {
    const contextOfFound = { ...context, knownKeySets: new KnownKeySets() }
    return (clientId) => lookUp(clientId, findClient, contextOfFound)
  }
  const byId = new Map(clients.map((client) => [client.clientId, client]))
  return async (clientId) => byId.get(clientId)
}

/** An id that no client can have is not looked up: some databases fail on it. */
async function lookUp(
  clientId: string,
  findClient: BoundedFindClient,
  context: ClientContext,
): Promise<Client | undefined> {
  if (clientId.length > MAX_CLIENT_ID_LENGTH || !isVisibleText(clientId)) return undefined
  try {
    const found = await findClient(clientId)
    const client = readFoundClient(found ?? NO_CLIENT, context)
    // A database that ignores case finds a client for ids that are not its own.
    return found && client.clientId === clientId ? client : undefined
  } catch (cause) {
    throw isHostFunctionRefusal(cause) ? cause : new DependencyUnavailable('client_lookup_failed', { cause })
  }
}

/** Finds the id of the fixed client that assertions of an identity provider with this subject authenticate: at most one. */
export function createFindAssertedClient(
  clients: readonly Client[],
): (identityProvider: string, subject: string) => string | undefined {
  const ids = new Map<string, string>()
  for (const { clientId, credential } of clients) {
    if (credential?.kind !== 'identity_provider') continue
    const { identityProvider, subject } = credential.assertedBy
    ids.set(JSON.stringify([identityProvider, subject]), clientId)
  }
  return (identityProvider, subject) => ids.get(JSON.stringify([identityProvider, subject]))
}
