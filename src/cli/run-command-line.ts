import { readFileSync } from 'node:fs'
import { fieldOf } from '../errors/field-of.js'
import { inOneLine } from '../errors/printable.js'
import { isConfigError } from '../option-checks/config-error.js'
import {
  type CommandArguments,
  CommandFailed,
  type CommandStreams,
  EXIT_CODES,
  Misuse,
  type Outcome,
} from './command.js'
import { type CommandName, describeCommand, usageOf } from './commands.js'
import { countOf } from './output.js'
import { checkOptionsAsWritten, readArguments, requireCommand, splitArguments } from './read-arguments.js'

/** Runs a command and resolves with the exit status. */
export async function runCommandLine(args: readonly string[], streams: CommandStreams): Promise<number> {
  const written = splitArguments(args)
  const isWritten = (name: string) => written.options.some((option) => option.name === name)
  try {
    checkOptionsAsWritten(written)
    if (isWritten('help') || isWritten('version')) {
      const version = `express-jwt-exchange ${readVersion()}\n`
      streams.stdout.write(isWritten('help') ? usageOf(written.command) : version)
      return EXIT_CODES.ok
    }
    const name = requireCommand(written)
    return EXIT_CODES[await runCommand(name, readArguments(name, written), streams)]
  } catch (error) {
    return reportFault(error, written.command, streams)
  }
}

/** Of the package that this file belongs to. */
function readVersion(): string {
  const manifest: unknown = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'))
  return String(fieldOf(manifest, 'version'))
}

async function runCommand(name: CommandName, args: CommandArguments, streams: CommandStreams): Promise<Outcome> {
  const command = await describeCommand(name).load()
  return command(args, streams)
}

function reportFault(error: unknown, command: CommandName | undefined, { stderr }: CommandStreams): number {
  if (error instanceof Misuse) {
    stderr.write(`${error.message}\n\n${usageOf(command)}`)
    return EXIT_CODES.misused
  }
  stderr.write(`${describeFault(error)}\n`)
  return EXIT_CODES.failed
}

function describeFault(error: unknown): string {
  if (isConfigError(error)) return `${error.message}\n${countOf(error.problems.length, 'problem')}`
  return inOneLine(error instanceof CommandFailed ? error.message : String(error))
}
