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
  config: string
  client: string | undefined
  scope: string | undefined
  json: boolean
  /** The file that holds an assertion; undefined: standard input. */
  file: string | undefined
}

/** `failed`: what was asked about is not in order. `misused`: the command cannot be run as it is written. */
export const EXIT_CODES = { ok: 0, failed: 1, misused: 2 } as const
export type Outcome = keyof typeof EXIT_CODES

export type Command = (args: CommandArguments, streams: CommandStreams) => Promise<Outcome>

/** The command cannot be run as it is written. The message quotes nothing that may be a token. */
export class Misuse extends Error {
  override readonly name = 'Misuse'
}
