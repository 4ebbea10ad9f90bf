/** Where a command reads and writes. */
export interface CommandStreams {
  stdin: AsyncIterable<Buffer | string> & { isTTY?: boolean }
  stdout: Output
  stderr: Output
  env: Readonly<Record<string, string | undefined>>
}

export interface Output {
  write(text: string): unknown
  isTTY?: boolean
}

/** What was written after the name of the command. */
export interface CommandArguments {
  /** All words after the name of the command. */
  words: readonly string[]
  /** The file that the command reads or writes; empty for a command without one. */
  path: string
  /** The file that holds an assertion; undefined: standard input. */
  assertionPath: string | undefined
  /** The deployment file, for a command whose words are others. */
  config: string | undefined
  store: string | undefined
  search: string | undefined
  client: string | undefined
  scope: string | undefined
  algorithm: string | undefined
  json: boolean
  keep: boolean
  stdout: boolean
  ignoreUnknownTables: boolean
  replace: boolean
}

/** `failed`: the answer is no. `misused`: the command cannot be run as written. */
export const EXIT_CODES = { ok: 0, failed: 1, misused: 2 } as const
export type Outcome = keyof typeof EXIT_CODES

export type Command = (args: CommandArguments, streams: CommandStreams) => Promise<Outcome>

/** The command cannot be run as written. The message quotes nothing that may be a token. */
export class Misuse extends Error {
  override readonly name = 'Misuse'
}

/** The command was understood, but cannot be carried out. The message says why, and what to do. */
export class CommandFailed extends Error {
  override readonly name = 'CommandFailed'
}
