import type { Command } from './command.js'

export type CommandName = keyof typeof COMMANDS
export type OptionName = keyof typeof OPTIONS

export interface CommandDescription {
  usage: string
  summary: string
  /** How many file names it takes, and the one it uses if none is given. */
  files: { required: number; most: number; default?: string }
  options: readonly OptionName[]
  /** Loaded only when it runs: some commands need Express, others need nothing. */
  load(): Promise<Command>
}

interface OptionDescription {
  type: 'string' | 'boolean'
  usage: string
  summary: string
}

export const COMMANDS = {
  demo: {
    usage: 'demo [--keep]',
    summary: 'performs the main job step by step, with a fake identity provider and a host app',
    files: { required: 0, most: 0 },
    options: ['keep'],
    load: async () => (await import('./demo-command.js')).demoCommand,
  },
  init: {
    usage: 'init [deployment.toml] [--stdout]',
    summary: 'writes a commented deployment file to start with',
    files: { required: 0, most: 1, default: 'deployment.toml' },
    options: ['stdout'],
    load: async () => (await import('./init-command.js')).initCommand,
  },
  keygen: {
    usage: 'keygen [keys.json] [--alg ALG]',
    summary: 'writes a new private key that signs access tokens',
    files: { required: 0, most: 1, default: 'keys.json' },
    options: ['alg'],
    load: async () => (await import('./keygen-command.js')).keygenCommand,
  },
  check: {
    usage: 'check deployment.toml [--ignore-unknown-tables] [--json]',
    summary: 'checks the file, fetches the key set of every identity provider, and prints keys, ages and certificates',
    files: { required: 1, most: 1 },
    options: ['config', 'ignore-unknown-tables', 'json'],
    load: async () => (await import('./check-command.js')).checkCommand,
  },
  explain: {
    usage: 'explain deployment.toml [--client ID] [--scope SCOPE] [--ignore-unknown-tables] [--json] [FILE]',
    summary: 'explains step by step whether the assertion in FILE, or on standard input, would be accepted',
    files: { required: 1, most: 2 },
    options: ['config', 'client', 'scope', 'ignore-unknown-tables', 'json'],
    load: async () => (await import('./explain-command.js')).explainCommand,
  },
  idp: {
    usage: 'idp add|list|show|test|enable|disable|remove [ID|FILE] --store STORE [--json]',
    summary: 'changes and shows the identity providers of a store',
    files: { required: 0, most: 2 },
    options: ['config', 'store', 'search', 'replace', 'ignore-unknown-tables', 'json'],
    load: async () => (await import('./idp-command.js')).idpCommand,
  },
} as const satisfies Readonly<Record<string, CommandDescription>>

export const OPTIONS = {
  config: {
    type: 'string',
    usage: '--config FILE',
    summary: 'the deployment file: instead of the first argument, or for idp that of the service',
  },
  store: {
    type: 'string',
    usage: '--store STORE',
    summary: 'file:DIRECTORY or postgres://…; by default the environment variable IDENTITY_PROVIDER_STORE',
  },
  search: { type: 'string', usage: '--search TEXT', summary: 'only those whose id, name or display name contains it' },
  replace: { type: 'boolean', usage: '--replace', summary: 'replace the identity provider that has this id' },
  client: { type: 'string', usage: '--client ID', summary: 'the client that would present the assertion' },
  scope: { type: 'string', usage: '--scope SCOPE', summary: 'the scope that the client would request' },
  'ignore-unknown-tables': {
    type: 'boolean',
    usage: '--ignore-unknown-tables',
    summary: 'note the tables of other programs, such as WSO2 Identity Server, instead of refusing them',
  },
  alg: { type: 'string', usage: '--alg ALG', summary: 'ES256 (default), RS256, PS256 or EdDSA' },
  keep: { type: 'boolean', usage: '--keep', summary: 'keep running until Ctrl-C, for requests of your own' },
  json: { type: 'boolean', usage: '--json', summary: 'print JSON' },
  stdout: { type: 'boolean', usage: '--stdout', summary: 'print the file instead of writing it' },
} as const satisfies Readonly<Record<string, OptionDescription>>

const GENERAL_OPTIONS = [
  ['--version', 'print the version'],
  ['-h, --help', 'print this help, or the help of the command before it'],
] as const
const EXIT_STATUS =
  'Exit status: 0 no problem, 1 a problem or a refused assertion, 2 the command cannot be run as written'

export function isCommandName(name: string): name is CommandName {
  return Object.hasOwn(COMMANDS, name)
}

export function describeCommand(name: CommandName): CommandDescription {
  return COMMANDS[name]
}

/** The help of one command, or of all of them. */
export function usageOf(command: CommandName | undefined): string {
  const names = command === undefined ? (Object.keys(COMMANDS) as CommandName[]) : [command]
  const described = names.map(describeCommand)
  const commands = described.flatMap(({ usage, summary }) => [`  express-jwt-exchange ${usage}`, `    ${summary}`])
  const used = (Object.keys(OPTIONS) as OptionName[]).filter((name) =>
    described.some(({ options }) => options.includes(name)),
  )
  const options = [...used.map((name) => [OPTIONS[name].usage, OPTIONS[name].summary] as const), ...GENERAL_OPTIONS]
  const width = Math.max(...options.map(([usage]) => usage.length))
  const rows = options.map(([usage, summary]) => `  ${usage.padEnd(width)} ${summary}`)
  return `${['Usage:', ...commands, 'Options:', ...rows, EXIT_STATUS].join('\n')}\n`
}
