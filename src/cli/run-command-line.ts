import { readFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { fieldOf } from '../errors/field-of.js'
import { closestName } from '../option-checks/closest-name.js'
import { isConfigError } from '../option-checks/config-error.js'
import { checkCommand } from './check-command.js'
import { type Command, type CommandArguments, type CommandStreams, EXIT_CODES, Misuse } from './command.js'
import { explainCommand } from './explain-command.js'
import { countOf } from './paint.js'

const USAGE = `Usage:
  express-jwt-exchange check deployment.toml [--json]
    checks the file, fetches every key set, and prints keys, ages and certificates
  express-jwt-exchange explain deployment.toml [--client ID] [--scope SCOPE] [--json] [FILE]
    explains step by step what would become of the assertion in FILE, or on standard input
Options:
  --config FILE   the deployment file, instead of the first argument
  --client ID     the client that would present the assertion
  --scope SCOPE   the scope that it would request
  --json          print JSON
  --version       print the version
  -h, --help      print this text
Exit status: 0 all in order, 1 something is not, 2 the command cannot be run as it is written
`
const COMMANDS: Readonly<Record<string, Command>> = { check: checkCommand, explain: explainCommand }
const OPTIONS = {
  config: { type: 'string' },
  client: { type: 'string' },
  scope: { type: 'string' },
  json: { type: 'boolean', default: false },
  version: { type: 'boolean', default: false },
  help: { type: 'boolean', default: false, short: 'h' },
} as const
/** What is no name of a file or a client, and is not to be repeated. */
const IS_TOKEN = /[\w-]{20,}\.[\w-]{20,}\./
/** Options that only `explain` has. */
const OF_EXPLAIN = ['client', 'scope'] as const

/** What may be named in an error: no token looks so. */
const IS_NAME = /^[a-z][a-z-]{0,19}$/

/** Runs a command and resolves with the exit status. */
export async function runCommandLine(args: readonly string[], streams: CommandStreams): Promise<number> {
  try {
    const { values, positionals } = parse(args)
    if (values.help || values.version) {
      streams.stdout.write(values.help ? USAGE : `express-jwt-exchange ${readVersion()}\n`)
      return EXIT_CODES.ok
    }
    const [name = '', ...files] = positionals
    const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined
    if (command === undefined) throw new Misuse(describeUnknownCommand(name))
    return EXIT_CODES[await command(readArguments(name, values, files), streams)]
  } catch (error) {
    return reportFault(error, streams)
  }
}

/** Of the package that this file belongs to. */
function readVersion(): string {
  const manifest: unknown = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'))
  return String(fieldOf(manifest, 'version'))
}

/** What is not a name is not repeated: it may be a token. */
function describeUnknownCommand(name: string): string {
  const expected = 'expected check or explain'
  if (!IS_NAME.test(name)) return `missing command: ${expected}`
  const meant = closestName(name, Object.keys(COMMANDS))
  return `unknown command ${name}: ${meant === undefined ? expected : `did you mean ${meant}?`}`
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options: OPTIONS, allowPositionals: true })
  } catch (error) {
    throw new Misuse(describeUnknownOption(error))
  }
}

/** Of the message only the name of the option: a token may have been written where none belongs. */
function describeUnknownOption(error: unknown): string {
  const [, dashes = '', name = ''] = /'(--?)([a-z][a-z-]{0,30})\b/.exec(String(fieldOf(error, 'message'))) ?? []
  if (name === '') return 'an option cannot be read'
  const known = Object.entries(OPTIONS).find(([option]) => option === name)
  if (known !== undefined) return `--${name} ${known[1].type === 'string' ? 'needs a value' : 'takes no value'}`
  const meant = name.length > 2 ? closestName(name, Object.keys(OPTIONS)) : undefined
  return `unknown option ${dashes}${name}${meant === undefined ? '' : `: did you mean --${meant}?`}`
}

function readArguments(
  command: string,
  { config, client, scope, json }: ReturnType<typeof parse>['values'],
  positionals: readonly string[],
): CommandArguments {
  const [path, ...files] = config === undefined ? positionals : [config, ...positionals]
  if (path === undefined || IS_TOKEN.test(path)) throw new Misuse(`missing file: ${command} deployment.toml`)
  if ([client, scope].some((each) => each !== undefined && IS_TOKEN.test(each))) {
    throw new Misuse('an assertion is read from a file or standard input, never from an option')
  }
  const foreign = command === 'explain' ? undefined : OF_EXPLAIN.find((name) => ({ client, scope })[name] !== undefined)
  if (foreign !== undefined) throw new Misuse(`--${foreign} is for explain`)
  if (client === '' || scope === '') throw new Misuse('--client and --scope need a value')
  if (files.length > (command === 'explain' ? 1 : 0)) throw new Misuse('too many arguments')
  return { config: path, client, scope, json, file: files[0] }
}

function reportFault(error: unknown, { stderr }: CommandStreams): number {
  if (error instanceof Misuse) {
    stderr.write(`${error.message}\n\n${USAGE}`)
    return EXIT_CODES.misused
  }
  const text = isConfigError(error) ? `${error.message}\n${countOf(error.problems.length, 'problem')}` : String(error)
  stderr.write(`${text}\n`)
  return EXIT_CODES.failed
}
