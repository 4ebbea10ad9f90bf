import { parseArgs } from 'node:util'
import { closestName } from '../option-checks/unknown-option.js'
import { type CommandArguments, Misuse } from './command.js'
import { COMMANDS, type CommandName, describeCommand, isCommandName, OPTIONS, type OptionName } from './commands.js'

/** What was written, by its kind. Nothing is checked yet. */
export interface SplitArguments {
  /** The first word, if it is a command. */
  command: CommandName | undefined
  words: readonly string[]
  options: readonly WrittenOption[]
}

interface WrittenOption {
  name: string
  /** With its dashes. */
  rawName: string
  value: string | undefined
  /** Whether the value follows `=`. */
  isInline: boolean
}

const GENERAL_OPTIONS = {
  version: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
} as const
const PARSED_OPTIONS = {
  ...(Object.fromEntries(Object.entries(OPTIONS).map(([name, { type }]) => [name, { type }])) as {
    [Name in OptionName]: { type: 'string' | 'boolean' }
  }),
  ...GENERAL_OPTIONS,
}
/** A token, which is not to be repeated. No name of a file or a client looks like this. */
const IS_TOKEN = /[\w-]{20,}\.[\w-]{20,}\./
/** What may be repeated in an error. No token looks like this. */
const IS_NAME = /^[a-z][a-z-]{0,19}$/

export function splitArguments(args: readonly string[]): SplitArguments {
  const { tokens } = parseArgs({
    args: [...args],
    options: PARSED_OPTIONS,
    allowPositionals: true,
    strict: false,
    tokens: true,
  })
  const words = tokens.flatMap((token) => (token.kind === 'positional' ? [token.value] : []))
  const options = tokens.flatMap((token) =>
    token.kind === 'option'
      ? [{ name: token.name, rawName: token.rawName, value: token.value, isInline: token.inlineValue === true }]
      : [],
  )
  const [first = ''] = words
  return { command: isCommandName(first) ? first : undefined, words, options }
}

/** @throws Misuse for an option that does not exist, is given twice, lacks its value or has one too many */
export function checkOptionsAsWritten({ options }: SplitArguments): void {
  const seen = new Set<string>()
  for (const option of options) {
    const { name, rawName, value, isInline } = option
    const known = Object.hasOwn(PARSED_OPTIONS, name) ? PARSED_OPTIONS[name as keyof typeof PARSED_OPTIONS] : undefined
    if (known === undefined || (rawName !== `--${name}` && rawName !== '-h')) throw new Misuse(describeUnknown(option))
    if (known.type === 'boolean' && value !== undefined) throw new Misuse(`--${name} takes no value`)
    const isAnotherOption = !isInline && value !== undefined && value.startsWith('-') && value !== '-'
    if (known.type === 'string' && (!value || isAnotherOption)) throw new Misuse(`--${name} needs a value`)
    if (seen.has(name)) throw new Misuse(`--${name} is given twice`)
    seen.add(name)
  }
}

/** @throws Misuse */
export function requireCommand({ command, words }: SplitArguments): CommandName {
  if (command !== undefined) return command
  const [name = ''] = words
  const names = Object.keys(COMMANDS)
  const expected = `expected ${names.slice(0, -1).join(', ')} or ${names.at(-1)}`
  if (!IS_NAME.test(name)) throw new Misuse(`missing command: ${expected}`)
  const meant = closestName(name, names)
  throw new Misuse(`unknown command ${name}: ${meant === undefined ? expected : `did you mean ${meant}?`}`)
}

/** @throws Misuse */
export function readArguments(command: CommandName, { words, options }: SplitArguments): CommandArguments {
  const { files, options: allowed } = describeCommand(command)
  const foreign = options.find(({ name }) => !(allowed as readonly string[]).includes(name))
  if (foreign !== undefined) throw new Misuse(`--${foreign.name} is for ${commandsWith(foreign.name)}`)
  const has = (name: OptionName) => options.some((option) => option.name === name)
  const textOf = (name: OptionName) => options.find((option) => option.name === name)?.value
  const [config, client, scope, algorithm] = [textOf('config'), textOf('client'), textOf('scope'), textOf('alg')]
  const others = words.slice(1)
  const paths = config === undefined || files.required === 0 ? others : [config, ...others]
  if ([...paths, config, client, scope, algorithm].some((text) => IS_TOKEN.test(text ?? ''))) {
    throw new Misuse('an assertion is read from a file or standard input, never from an argument')
  }
  if (paths.includes('')) throw new Misuse('a file name is empty')
  if (paths.length < files.required) throw new Misuse(`missing file: ${command} deployment.toml`)
  if (paths.length > files.most) throw new Misuse('too many arguments')
  const [path = files.default ?? '', assertionPath] = paths
  return {
    ...{ words: others, path, assertionPath, config, client, scope, algorithm },
    ...{ store: textOf('store'), search: textOf('search') },
    ...{ json: has('json'), keep: has('keep'), stdout: has('stdout'), replace: has('replace') },
    ignoreUnknownTables: has('ignore-unknown-tables'),
  }
}

/** Repeats a name only: a token may have been written where an option belongs. */
function describeUnknown({ name, rawName }: WrittenOption): string {
  if (!IS_NAME.test(name)) return 'unknown option'
  const meant = name.length > 2 ? closestName(name, Object.keys(PARSED_OPTIONS)) : undefined
  return `unknown option ${rawName}${meant === undefined ? '' : `: did you mean --${meant}?`}`
}

function commandsWith(option: string): string {
  const names = (Object.keys(COMMANDS) as CommandName[]).filter((name) =>
    (describeCommand(name).options as readonly string[]).includes(option),
  )
  const [last, ...others] = names.toReversed()
  return [others.toReversed().join(', '), last].filter((text) => text !== '').join(' and ')
}
