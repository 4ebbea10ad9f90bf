import { withoutSecrets } from '../admin/secrets.js'
import { fieldOf } from '../errors/field-of.js'
import { inOneLine } from '../errors/printable.js'
import {
  type IdentityProviderStore,
  isRevisionConflict,
  type StoredRegistration,
} from '../identity-provider-store/identity-provider-store.js'
import { isConfigError } from '../option-checks/config-error.js'
import { closestName } from '../option-checks/unknown-option.js'
import { type Command, CommandFailed, Misuse, type Outcome } from './command.js'
import { describeStoreFault, openStore } from './identity-provider-stores.js'
import { addIdentityProvider, readEntry, writeProblems } from './idp-entry.js'
import type { Action } from './idp-exchange.js'
import { countOf, createPaint, toJson } from './output.js'

interface ActionDescription {
  /** What the second word is; undefined: there is none. */
  needs?: 'an id' | 'an id or a file'
  run(action: Action): Promise<Outcome>
}

const ACTIONS: Readonly<Record<string, ActionDescription>> = {
  add: { run: addIdentityProvider },
  list: { run: listIdentityProviders },
  show: { needs: 'an id', run: showIdentityProvider },
  test: { needs: 'an id or a file', run: testIdentityProvider },
  enable: { needs: 'an id', run: (action) => switchTrust(action, true) },
  disable: { needs: 'an id', run: (action) => switchTrust(action, false) },
  remove: { needs: 'an id', run: removeIdentityProvider },
}
const PAGE = 1000
/** Somebody else may change the same registration, but not again and again. */
const MAX_ATTEMPTS = 5

/** Shows and changes the identity providers of a store. */
export const idpCommand: Command = async (args, streams) => {
  const [name = '', word = ''] = args.words
  const action = Object.hasOwn(ACTIONS, name) ? ACTIONS[name] : undefined
  if (action === undefined) throw new Misuse(describeUnknownAction(name))
  if (action.needs !== undefined && word === '') throw new Misuse(`idp ${name} needs ${action.needs}`)
  if (name === 'list' && word !== '') throw new Misuse('too many arguments; to find some, use --search TEXT')
  const address = args.store ?? streams.env.IDENTITY_PROVIDER_STORE
  const { store, prepare, close } = await openStore(address)
  try {
    if (name === 'add') await prepare?.()
    return await action.run({ args, streams, store, word })
  } catch (error) {
    if (error instanceof CommandFailed || error instanceof Misuse) throw error
    if (!isConfigError(error)) throw new CommandFailed(`the store: ${describeStoreFault(error, address)}`)
    if (!args.json) throw error
    streams.stdout.write(toJson({ problems: error.problems }))
    return 'failed'
  } finally {
    await close()
  }
}

function describeUnknownAction(name: string): string {
  const names = Object.keys(ACTIONS)
  const meant = name.length > 2 ? closestName(name, names) : undefined
  const expected = `expected ${names.slice(0, -1).join(', ')} or ${names.at(-1)}`
  return `${name === '' ? 'missing action' : 'unknown action'}: ${meant === undefined ? expected : `did you mean idp ${meant}?`}`
}

async function listIdentityProviders({ args, streams, store }: Action): Promise<Outcome> {
  const all: StoredRegistration[] = []
  for (let page: readonly StoredRegistration[] | undefined; page === undefined || page.length === PAGE; ) {
    const after = all.at(-1)?.id
    const { search } = args
    page = await store.list({ limit: PAGE, ...(after !== undefined && { after }), ...(search && { search }) })
    all.push(...page)
  }
  const lines = all.map(({ id, name, displayName = '', enabled }) =>
    [enabled === false ? 'off' : 'on ', id, id === name ? '' : name, displayName]
      .filter((text) => text !== '')
      .join('  '),
  )
  const text = [...lines.map(inOneLine), countOf(all.length, 'identity provider'), ''].join('\n')
  streams.stdout.write(args.json ? toJson({ identityProviders: all.map(withoutSecretsOf) }) : text)
  return 'ok'
}

/** As JSON, also for people: what `idp add FILE --replace` takes. */
async function showIdentityProvider({ streams, store, word }: Action): Promise<Outcome> {
  streams.stdout.write(toJson(withoutSecretsOf(await requireStored(store, word))))
  return 'ok'
}

async function testIdentityProvider(action: Action): Promise<Outcome> {
  const { args, streams, store, word } = action
  const entry = /\.(?:json|toml)$/.test(word) ? await readEntry(word, streams) : await requireStored(store, word)
  const { findingsOf, linesOf } = await import('./check-command.js')
  const { withExchange } = await import('./idp-exchange.js')
  return withExchange(action, async (exchange) => {
    const problems = await exchange.checkIdentityProvider(entry)
    if (problems.length > 0) return writeProblems(problems, args, streams)
    const { alias: expected, ...keys } = await exchange.testIdentityProvider(entry)
    const isKnown = args.config !== undefined || fieldOf(entry, 'alias') !== undefined
    const stats = { ...keys, alias: isKnown ? expected : 'the URL of your token endpoint' }
    const findings = findingsOf(stats)
    const lines = linesOf({ stats, findings }, createPaint(streams))
    streams.stdout.write(args.json ? toJson({ ...stats, findings }) : `${lines.join('\n')}\n`)
    return findings.some(({ mark }) => mark === 'bad') ? 'failed' : 'ok'
  })
}

/** One that cannot be used stays off. */
async function switchTrust(action: Action, isOn: boolean): Promise<Outcome> {
  const { args, streams, store, word } = action
  if (isOn) {
    const entry = { ...(await requireStored(store, word)), enabled: true }
    const { withExchange } = await import('./idp-exchange.js')
    const problems = await withExchange(action, (exchange) => exchange.checkIdentityProvider(entry))
    if (problems.length > 0) return writeProblems(problems, args, streams)
  }
  const { revision } = await writeTrust(store, word, isOn)
  const done = isOn ? 'enabled' : 'disabled'
  streams.stdout.write(args.json ? toJson({ [done]: word, revision }) : `${done} ${inOneLine(word)}\n`)
  return 'ok'
}

async function writeTrust(store: IdentityProviderStore, id: string, isOn: boolean): Promise<StoredRegistration> {
  for (let attempt = 1; ; attempt += 1) {
    const stored = await requireStored(store, id)
    if ((stored.enabled !== false) === isOn) return stored
    try {
      return await store.put({ ...stored, enabled: isOn }, { ifRevision: stored.revision })
    } catch (error) {
      if (!isRevisionConflict(error) || attempt === MAX_ATTEMPTS) throw error
    }
  }
}

async function removeIdentityProvider({ args, streams, store, word }: Action): Promise<Outcome> {
  if (!(await store.remove(word))) throw notFound(word)
  streams.stdout.write(args.json ? toJson({ removed: word }) : `removed ${inOneLine(word)}\n`)
  return 'ok'
}

/** @throws CommandFailed if the store has none with this id */
async function requireStored(store: IdentityProviderStore, id: string): Promise<StoredRegistration> {
  const stored = await store.get(id)
  if (stored === undefined) throw notFound(id)
  return stored
}

function notFound(id: string): CommandFailed {
  return new CommandFailed(`the store has no identity provider ${JSON.stringify(id)}; see: idp list`)
}

function withoutSecretsOf(stored: StoredRegistration): object {
  return withoutSecrets({ ...stored })
}
