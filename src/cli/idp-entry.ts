import { createReadStream } from 'node:fs'
import { restoreSecrets } from '../admin/secrets.js'
import { createId } from '../admin/submitted-entry.js'
import { fieldOf } from '../errors/field-of.js'
import { inOneLine } from '../errors/printable.js'
import { readRegistration } from '../file-store/registration-text.js'
import {
  type IdentityProviderRegistration,
  type IdentityProviderStore,
  isRevisionConflict,
} from '../identity-provider-store/identity-provider-store.js'
import { parseJson } from '../jwt/parse-json.js'
import { ownMember, parseJsonObject } from '../jwt/parse-json-object.js'
import { type ConfigProblem, formatPath } from '../option-checks/config-error.js'
import { type CommandArguments, CommandFailed, type CommandStreams, type Outcome } from './command.js'
import type { Action } from './idp-exchange.js'
import { countOf, toJson } from './output.js'
import { readInput } from './read-input.js'

type Entry = Readonly<Record<string, unknown>>

/** Bytes. */
const MAX_ENTRY = 1_048_576
/** Adds one, or with `--replace` replaces it. */
export async function addIdentityProvider(action: Action): Promise<Outcome> {
  const { args, streams, store, word } = action
  const sent = await readEntry(word, streams)
  const id = ownMember(sent, 'id') ?? createId(ownMember(sent, 'displayName') ?? ownMember(sent, 'name'))
  const stored = args.replace && typeof id === 'string' ? await store.get(id) : undefined
  const { entry, problems: ofSecrets } = restoreSecrets({ id, ...sent }, stored && { ...stored })
  const { withExchange } = await import('./idp-exchange.js')
  const problems = await withExchange(action, (exchange) => exchange.checkIdentityProvider(entry))
  if (ofSecrets.length + problems.length > 0) return writeProblems([...ofSecrets, ...problems], args, streams)
  const seen = ownMember(sent, 'revision') // What `idp show` printed: a later change must not be lost.
  const ifRevision = stored === undefined ? null : typeof seen === 'string' ? seen : stored.revision
  const { revision } = await put(store, entry as unknown as IdentityProviderRegistration, ifRevision)
  const done = stored === undefined ? 'added' : 'replaced'
  streams.stdout.write(args.json ? toJson({ [done]: id, revision }) : `${done} ${inOneLine(String(id))}\n`)
  return 'ok'
}

/** @throws CommandFailed if the store has another revision, or cannot keep the entry */
async function put(store: IdentityProviderStore, entry: IdentityProviderRegistration, ifRevision: string | null) {
  try {
    return await store.put(entry, { ifRevision })
  } catch (error) {
    if (fieldOf(error, 'name') === 'TypeError') throw new CommandFailed(String(fieldOf(error, 'message')))
    if (!isRevisionConflict(error)) throw error
    const isNew = ifRevision === null
    throw new CommandFailed(
      isNew
        ? 'the store has an identity provider with this id; choose another id, or use --replace'
        : 'the identity provider was changed meanwhile; show it again, and repeat the change',
    )
  }
}

/**
 * An entry as JSON from a file or from standard input, or as TOML from a file that is named `.toml`.
 *
 * @throws CommandFailed, ConfigError
 */
export async function readEntry(path: string, { stdin, env }: CommandStreams): Promise<Entry> {
  const isFile = path !== '' && path !== '-'
  const source = isFile ? inOneLine(path) : 'standard input'
  const text = await readInput(isFile ? createReadStream(path) : stdin, MAX_ENTRY).catch((error) => {
    const code = fieldOf(error, 'code')
    throw code === undefined ? error : new CommandFailed(`${source} cannot be read (${code})`)
  })
  if (path.endsWith('.toml')) return readTomlEntry(text, { path, env })
  const entry = parseJsonObject(text)
  if (entry === undefined) throw new CommandFailed(`${source}: expected one JSON object without duplicate members`)
  return entry
}

/** The lines of one `[[identity_provider]]` table, as the file store keeps them. */
function readTomlEntry(text: string, origin: { path: string; env: CommandStreams['env'] }): Entry {
  try {
    return parseJson(readRegistration(Buffer.from(text), 'toml', origin)) as Entry
  } catch (error) {
    if (fieldOf(error, 'name') !== 'TypeError') throw error
    throw new CommandFailed(`${inOneLine(origin.path)}: ${fieldOf(error, 'message')}`)
  }
}

/** Why an entry is refused. */
export function writeProblems(
  problems: readonly Pick<ConfigProblem, 'path' | 'message'>[],
  { json }: CommandArguments,
  { stdout, stderr }: CommandStreams,
): Outcome {
  if (json) stdout.write(toJson({ problems }))
  const lines = problems.map(({ path, message }) => (path.length === 0 ? message : `${formatPath(path)}: ${message}`))
  if (!json) stderr.write(`${[...lines.map(inOneLine), countOf(problems.length, 'problem')].join('\n')}\n`)
  return 'failed'
}
