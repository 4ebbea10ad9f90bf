import type { Resources } from '../access-token/resources.js'
import { fieldOf } from '../errors/field-of.js'
import type { IdentityProvider } from '../identity-provider/identity-provider.js'
import { option } from '../option-checks/config-error.js'
import { plainText } from '../option-checks/describe-value.js'
import { type OptionReader, refuseRepeated } from '../option-checks/option-reader.js'
import { REGISTERED_PROVIDER } from './asserted-client.js'
import { type Client, type ClientContext, readClientOptions } from './client-options.js'

/** What the entries of `clients` depend on. */
interface ClientsContext extends Omit<ClientContext, 'identityProviderNames'> {
  resources: Resources
  identityProviders: readonly Pick<IdentityProvider, 'id' | 'name' | 'clientAuthentication'>[]
  /** Present if others are looked up, so that not all ids are known. */
  identityProviderLookup: Pick<IdentityProvider, 'clientAuthentication'> | undefined
}

/** The entries of `clients`, each with its own id, unless there is a `findClient`. */
export function readClients(
  reader: OptionReader,
  { identityProviders, identityProviderLookup, ...context }: ClientsContext,
): Client[] {
  const ids = new Set(identityProviders.map(({ id }) => id))
  const identityProviderNames = new Set(identityProviders.map(({ name }) => name))
  // Then there need not be any client.
  const mayBeWithoutClient = [identityProviderLookup, ...identityProviders].some(
    (each) => each?.clientAuthentication === 'optional',
  )
  const alternatives = `${option('clients')} or ${option('findClient')}`
  const withoutClients = `let callers without a client in with ${option('clientAuthentication', 'optional')}`
  if (reader.has('clients') && reader.has('findClient')) {
    reader.note('conflict', 'clients', `set ${alternatives}, not both`)
  } else if (!mayBeWithoutClient && !reader.isNamed('clients') && !reader.isNamed('findClient')) {
    reader.missing('clients', ['clients', 'findClient'], `missing; set ${alternatives}, or ${withoutClients}`)
  }
  const readers = reader.objects('clients')
  const clients = readers.map((each) => readClientOptions(each, { ...context, identityProviderNames }))
  refuseRepeated(
    readers,
    'clientId',
    clients.map(({ clientId }) => clientId),
  )
  // If a provider has no name, which is reported already, no name can be called unknown.
  const areAllNamed = Array.isArray(reader.hostObject('identityProviders')) && !ids.has('')
  const areMoreAtRunTime = identityProviderLookup !== undefined
  if (areAllNamed || areMoreAtRunTime) refuseUnknownProviders(readers, clients, ids, areMoreAtRunTime)
  refuseUnknownResources(readers, context.resources)
  refuseSharedSubjects(readers, clients)
  return clients
}

/** The ids of the fixed clients, before they are checked; undefined if not all are known, which is a problem of its own. */
export function clientIdsOf(clients: unknown): ReadonlySet<string> | undefined {
  if (clients === undefined) return undefined
  const ids: unknown[] = Array.isArray(clients) ? clients.map((client) => fieldOf(client, 'clientId')) : []
  return ids.every((id) => typeof id === 'string') ? new Set(ids) : undefined
}

function refuseUnknownProviders(
  readers: readonly OptionReader[],
  clients: readonly Client[],
  known: ReadonlySet<string>,
  areMoreAtRunTime: boolean,
): void {
  for (const [index, { identityProviders = [], credential }] of clients.entries()) {
    const unknown = [...identityProviders].find((id) => !known.has(id))
    if (unknown !== undefined && !areMoreAtRunTime) {
      const registered = 'the `id` of registered identity providers, or the `name` if they have no `id`'
      readers[index]?.problem('identityProviders', registered, JSON.stringify(unknown))
    }
    if (credential?.kind !== 'identity_provider') continue
    const { identityProvider } = credential.assertedBy
    if (identityProvider === '' || known.has(identityProvider)) continue
    readers[index]?.object('assertedBy').problem('identityProvider', REGISTERED_PROVIDER)
  }
}

/** Spelled as registered, like the names in bindings. */
function refuseUnknownResources(readers: readonly OptionReader[], { identifiers, isConfigured }: Resources): void {
  if (identifiers.has('')) return // It stands for one that cannot be used, which is a problem of its own.
  const expected = isConfigured ? `identifiers of ${option('.resources')}` : `some of ${option('accessToken.audience')}`
  for (const reader of readers) {
    const named = reader.hostObject('resources')
    const unknown = Array.isArray(named)
      ? named.find((each) => typeof each === 'string' && each !== '' && !identifiers.has(plainText(each)))
      : undefined
    if (unknown !== undefined) reader.problem('resources', expected, JSON.stringify(plainText(unknown)))
  }
}

/** The assertions of one subject must not authenticate two clients. */
function refuseSharedSubjects(readers: readonly OptionReader[], clients: readonly Client[]): void {
  const firstIndexes = new Map<string, number>()
  for (const [index, { credential }] of clients.entries()) {
    if (credential?.kind !== 'identity_provider') continue
    const { identityProvider, subject } = credential.assertedBy
    if (identityProvider === '' || subject === '') continue // Reported already.
    const pair = JSON.stringify([identityProvider, subject])
    const first = firstIndexes.get(pair)
    if (first === undefined) firstIndexes.set(pair, index)
    else readers[index]?.note('not_unique', 'assertedBy', `client ${first + 1} has the same; choose another subject`)
  }
}
