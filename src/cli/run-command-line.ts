import { parseArgs } from 'node:util'
import { fieldOf } from '../errors/field-of.js'
import { isConfigError } from '../option-checks/config-error.js'
import { checkCommand } from './check-command.js'
import { type Command, type CommandArguments, type CommandStreams, EXIT_CODES, Misuse } from './command.js'
import { explainCommand } from './explain-command.js'

const USAGE = `Usage:
  express-jwt-exchange check --config deployment.toml [--json]
    checks the file, fetches every key set, and tells keys, ages and certificates
  express-jwt-exchange explain --config deployment.toml [--client ID] [--scope SCOPE] [--json] [FILE]
    tells what would become of the assertion in the file, or on standard input, step by step
Exit status: 0 all in order, 1 something is not, 2 the command cannot be run as it is written
`
const COMMANDS: Readonly<Record<string, Command>> = { check: checkCommand, explain: explainCommand }
const OPTIONS = {
  config: { type: 'string' },
  client: { type: 'string' },
  scope: { type: 'string' },
  json: { type: 'boolean', default: false },
  help: { type: 'boolean', default: false, short: 'h' },
} as const
/** What is no name of a file or a client, and is not to be repeated. */
const IS_TOKEN = /[\w-]{20,}\.[\w-]{20,}\./
/** Options that only `explain` has. */
const OF_EXPLAIN = ['client', 'scope'] as const

/** Runs a command and resolves with the exit status. */
export async function runCommandLine(args: readonly string[], streams: CommandStreams): Promise<number> {
  try {
    const { values, positionals } = parse(args)
    if (values.help) {
      streams.stdout.write(USAGE)
      return EXIT_CODES.ok
    }
    const [name = '', ...files] = positionals
    const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined
    if (command === undefined) throw new Misuse('say what to do: check or explain')
    return EXIT_CODES[await command(readArguments(name, values, files), streams)]
  } catch (error) {
    return tellFault(error, streams)
  }
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options: OPTIONS, allowPositionals: true })
  } catch (error) {
    // Of the message only the name of the option: a token may have been written where none belongs.
    const option = /'(--?[a-z][a-z-]{0,30})\b/.exec(String(fieldOf(error, 'message')))?.[1]
    throw new Misuse(option === undefined ? 'an option is not understood' : `${option} is not understood here`)
  }
}

function readArguments(
  command: string,
  values: ReturnType<typeof parse>['values'],
  files: readonly string[],
): CommandArguments {
  const { config, client, scope, json } = values
  if (config === undefined || IS_TOKEN.test(config)) throw new Misuse('say which file: --config deployment.toml')
  if ([client, scope].some((each) => each !== undefined && IS_TOKEN.test(each))) {
    throw new Misuse('an assertion is read from a file or standard input, never from an option')
  }
  const foreign = command === 'explain' ? undefined : OF_EXPLAIN.find((name) => values[name] !== undefined)
  if (foreign !== undefined) throw new Misuse(`--${foreign} is for explain`)
  if (client === '' || scope === '') throw new Misuse('--client and --scope take some text')
  if (files.length > (command === 'explain' ? 1 : 0)) throw new Misuse('there are arguments too many')
  return { config, client, scope, json, file: files[0] }
}

function tellFault(error: unknown, { stderr }: CommandStreams): number {
  if (error instanceof Misuse) {
    stderr.write(`${error.message}\n\n${USAGE}`)
    return EXIT_CODES.misused
  }
  stderr.write(`${isConfigError(error) ? error.message : String(error)}\n`)
  return EXIT_CODES.failed
}
