import { printable } from '../errors/printable.js'
import { isSameConnection, type JwksConnectionSettings } from '../guarded-fetch/connection-options.js'
import { option } from '../option-checks/config-error.js'
import type { OptionReader } from '../option-checks/option-reader.js'
import { beginningOfSubjects } from '../policy/subject-mapping.js'
import { isSameReading, type KeyReading } from '../verification-keys/key-reading.js'
import { checkRegistrations } from './check-registrations.js'
import { TENANT } from './identity-provider-name.js'
import {
  type IdentityProviderContext,
  type IdentityProviderSettings,
  readIdentityProviderOptions,
} from './identity-provider-options.js'
import { expandTenants } from './tenants.js'

/** The beginning of all subjects of one identity provider. */
interface SubjectPrefix {
  reader: OptionReader
  /** Whether it comes from the provider's own option. */
  isOwn: boolean
  id: string
  text: string
}

/** The index of the identity providers that are not in the options. */
const LOOKED_UP = -1

/**
 * The entries of `identityProviders`. No assertion may match two of them.
 *
 * @param areMoreAtRunTime whether others are looked up, so that these may be missing, and are not alone
 */
export function readIdentityProviders(
  reader: OptionReader,
  context: IdentityProviderContext,
  areMoreAtRunTime: boolean,
): IdentityProviderSettings[] {
  if (!reader.has('identityProviders') && !areMoreAtRunTime) {
    const alternatives = ['identityProviders', 'identityProviderStore', 'findIdentityProvider']
    if (reader.isNamed('identityProviders')) reader.problem('identityProviders', 'an array of identity providers')
    else reader.missing('identityProviders', alternatives, 'missing; expected an array of identity providers')
  }
  const readers = reader.objects('identityProviders')
  const identityProviders = readEntries(readers, context)
  const readersOfAll = identityProviders.map(({ index }) => readers[index] ?? reader)
  const ids = identityProviders.map(({ id, tenants }) => (tenants === 'any' ? id.split(TENANT, 1).join() : id))
  refuseSharedSubjects(reader, readersOfAll, ids, areMoreAtRunTime)
  return areMoreAtRunTime ? identityProviders.map((each) => usedForIssuer(each, context)) : identityProviders
}

/**
 * What was used by another entry of the issuer, when that was registered at run time, is used here. And what is used here is
 * remembered for the tolerance that such an entry may have later.
 */
function usedForIssuer(
  { limits, ...settings }: IdentityProviderSettings,
  context: IdentityProviderContext,
): IdentityProviderSettings {
  const rememberedTolerance = Math.max(limits.clockTolerance, context.limits.clockTolerance)
  const ofIssuer = { registration: undefined, until: Number.POSITIVE_INFINITY }
  const former = settings.registration === undefined ? {} : { former: [ofIssuer] }
  return { ...settings, limits: { ...limits, rememberedTolerance, ...former } }
}

/** Some or all entries. What two of them must not share is only checked among these. */
export function readEntries(
  entryReaders: readonly OptionReader[],
  context: IdentityProviderContext,
): IdentityProviderSettings[] {
  const read = entryReaders.map((reader) => ({ reader, settings: readIdentityProviderOptions(reader, context) }))
  const all = read.flatMap(({ reader, settings }) =>
    expandTenants(settings).map((each) => ({ reader, settings: each })),
  )
  const readers = all.map(({ reader }) => reader)
  const identityProviders = all.map(({ settings }) => settings)
  checkRegistrations(readers, identityProviders)
  refuseOtherConnections(readers, identityProviders)
  const own = identityProviders.findIndex(({ name }) => context.issuer !== '' && name === context.issuer)
  const slip = `is our own ${option('.issuer')}; our access tokens are not assertions, so name another issuer`
  readers[own]?.note('conflict', 'name', slip)
  return identityProviders
}

/** Identity providers with the same alias and endpoint share one client, so they must share its options. */
export function refuseOtherConnections(
  readers: readonly OptionReader[],
  identityProviders: readonly IdentityProviderSettings[],
): void {
  const clients = new Map<string, { connection: JwksConnectionSettings; reading: KeyReading | undefined }>()
  for (const [index, { alias, keys }] of identityProviders.entries()) {
    if (keys === undefined || !('jwksUri' in keys)) continue
    const source = JSON.stringify([alias, keys.jwksUri, keys.metadataOf])
    const first = clients.get(source) ?? keys
    clients.set(source, first)
    if (isSameConnection(first.connection, keys.connection) && isSameReading(first.reading, keys.reading)) continue
    const slip = `another entry with this ${option('alias')} and ${option('jwksUri')} connects or reads keys differently`
    readers[index]?.note(
      'conflict',
      'jwksUri',
      `${slip}; give both the same connection options, or change the alias of one`,
    )
  }
}

/** Users of two identity providers must not get the same subject, unless one option for all of them allows it. */
export function refuseSharedSubjects(
  reader: OptionReader,
  all: readonly OptionReader[],
  allIds: readonly string[],
  areMoreAtRunTime: boolean,
): void {
  // An entry with the id of an earlier one is refused already.
  const isFirst = (index: number) => allIds[index] === '' || allIds.indexOf(String(allIds[index])) === index
  const [readers, ids] = [all.filter((_, index) => isFirst(index)), allIds.filter((_, index) => isFirst(index))]
  if (readers.length < 2 && !areMoreAtRunTime) return
  const hasOwn = readers.map((each) => each.has('subject'))
  if (!reader.has('subject') && (areMoreAtRunTime || hasOwn.includes(false))) {
    const why = 'two identity providers can assert the same `sub`, and their users must not become one'
    reader.problem('subject', `"namespaced", "raw", a template or a function, because ${why}`)
    return
  }
  if (!hasOwn.includes(true)) return
  const prefixes = [...readers.keys(), ...(areMoreAtRunTime ? [LOOKED_UP] : [])]
    .map((index) => {
      const each = readers[index] ?? reader
      const option = hasOwn[index] ? each.pattern('subject') : reader.pattern('subject')
      const id = ids[index] ?? 'those that are looked up'
      // Of those that are looked up, each has its own namespace, which is compared with these when it is looked up.
      const isNamespace = index === LOOKED_UP && option === 'namespaced'
      const text = isNamespace ? undefined : beginningOfSubjects(option, id)
      return { reader: each, isOwn: hasOwn[index] === true, id, text }
    })
    .filter((each): each is SubjectPrefix => each.text !== undefined)
    .sort((one, other) => (one.text < other.text ? -1 : Number(one.text > other.text)))
  if (areMoreAtRunTime && reader.pattern('subject') === 'namespaced') refuseAnySubject(prefixes)
  // The texts are sorted, so a text that is a prefix of another one is also a prefix of the next one.
  for (const [index, next] of prefixes.entries()) {
    const previous = prefixes[index - 1]
    if (previous === undefined || !next.text.startsWith(previous.text)) continue
    const [own, other] = next.isOwn ? [next, previous] : [previous, next]
    if (!own.isOwn) continue
    const slip = `its subjects begin like those of "${printable(other.id)}", so two callers could become one`
    own.reader.note('conflict', 'subject', `${slip}; begin them with another text`)
  }
}

/** Without a text at their beginning, its subjects can be those of an identity provider that is registered later. */
function refuseAnySubject(prefixes: readonly SubjectPrefix[]): void {
  for (const { reader, isOwn, text } of prefixes) {
    if (!isOwn || text !== '') continue
    const slip = 'its subjects can be those of an identity provider that is registered at run time'
    reader.note('conflict', 'subject', `${slip}; begin them with a text of their own`)
  }
}
