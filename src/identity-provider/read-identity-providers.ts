import { printable } from '../errors/printable.js'
import { isSameConnection, type JwksConnectionSettings } from '../guarded-fetch/connection-options.js'
import { option } from '../option-checks/option-problem.js'
import type { OptionReader } from '../option-checks/option-reader.js'
import { refuseRepeated } from '../option-checks/option-reader.js'
import { beginningOfSubjects } from '../policy/subject-mapping.js'
import { isSameReading, type KeyReading } from '../verification-keys/key-reading.js'
import {
  type IdentityProviderContext,
  type IdentityProviderSettings,
  readIdentityProviderOptions,
} from './identity-provider-options.js'

/** The entries of `identityProviders`, each with another name. */
export function readIdentityProviders(
  reader: OptionReader,
  context: IdentityProviderContext,
): IdentityProviderSettings[] {
  if (!reader.has('identityProviders')) reader.problem('identityProviders', 'an array of identity providers')
  const readers = reader.objects('identityProviders')
  const identityProviders = readers.map((each) => readIdentityProviderOptions(each, context))
  const names = identityProviders.map(({ name }) => name)
  refuseRepeated(readers, 'name', names)
  refuseOtherConnections(readers, identityProviders)
  refuseSharedSubjects(reader, readers, names)
  if (context.issuer !== '') {
    const slip = `is our own ${option('.issuer')}; our access tokens are not assertions, so name another issuer`
    readers[names.indexOf(context.issuer)]?.note('conflict', 'name', slip)
  }
  return identityProviders
}

/** One client serves all that have one alias and one endpoint: it connects in one way, and reads keys in one way. */
function refuseOtherConnections(
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
    readers[index]?.note('conflict', 'jwksUri', `${slip}; give both the same connection options, or one another alias`)
  }
}

/** Users of two identity providers must not become one, unless one option for all of them says how they do. */
function refuseSharedSubjects(reader: OptionReader, readers: readonly OptionReader[], names: readonly string[]): void {
  if (readers.length < 2) return
  const hasOwn = readers.map((each) => each.has('subject'))
  if (!reader.has('subject') && hasOwn.includes(false)) {
    const why = 'two identity providers can assert the same `sub`, and their users must not become one'
    reader.problem('subject', `"namespaced", "raw", a template or a function, because ${why}`)
    return
  }
  if (!hasOwn.includes(true)) return
  const beginnings = readers
    .map((each, index) => {
      const option = hasOwn[index] ? each.pattern('subject') : reader.pattern('subject')
      const name = names[index] ?? ''
      return { reader: each, isOwn: hasOwn[index] === true, name, text: beginningOfSubjects(option, name) }
    })
    .filter((each): each is Beginning => each.text !== undefined)
    .sort((one, other) => (one.text < other.text ? -1 : Number(one.text > other.text)))
  // In this order one that begins another one begins the next one, too.
  for (const [index, next] of beginnings.entries()) {
    const beginning = beginnings[index - 1]
    if (beginning === undefined || !next.text.startsWith(beginning.text)) continue
    const [own, other] = next.isOwn ? [next, beginning] : [beginning, next]
    if (!own.isOwn) continue
    const slip = `its subjects begin like those of "${printable(other.name)}", so two callers could become one`
    own.reader.note('conflict', 'subject', `${slip}; begin them with another text`)
  }
}

/** What the subjects of one identity provider begin with. */
interface Beginning {
  reader: OptionReader
  /** Whether its own option says so. */
  isOwn: boolean
  name: string
  text: string
}
