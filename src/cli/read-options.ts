import { readFileSync } from 'node:fs'
import { parse } from 'smol-toml'
import { readConfig, readSource } from '../config/load-config.js'
import type { ReplayStores } from '../config/named-replay-store.js'
import { fieldOf } from '../errors/field-of.js'
import type { JwtExchangeOptions } from '../exchange/options.js'
import { isConfigError } from '../option-checks/config-error.js'
import type { CommandArguments, CommandStreams } from './command.js'
import { toJson } from './output.js'

/**
 * The options of a file, with no replay store opened: no assertion is used here. Where JSON is wanted, a file with problems
 * is answered with them, beside the verdict.
 *
 * @param notes collects what is in order, but may not be meant
 * @throws ConfigError where text is wanted
 */
export function readOptions(
  { path, json }: CommandArguments,
  { env, stdout }: CommandStreams,
  verdict: object,
  notes: string[] = [],
): JwtExchangeOptions | undefined {
  try {
    return readConfig(readSource(path), path, { env, replayStores: anyStoreOf(path) }, notes)
  } catch (error) {
    if (!json || !isConfigError(error)) throw error
    stdout.write(toJson({ ...verdict, problems: error.problems }))
    return undefined
  }
}

/** Whatever store the file names: the application knows it. A file that cannot be read is told of when it is loaded. */
function anyStoreOf(path: string): ReplayStores {
  const name = fieldOf(fieldOf(readTable(path), 'replay'), 'store')
  const markUsed = () => Promise.reject(new Error('no assertion is used here'))
  return typeof name === 'string' ? { [name]: () => ({ markUsed }) } : {}
}

function readTable(path: string): unknown {
  try {
    return parse(readFileSync(path, 'utf8'))
  } catch {
    return undefined
  }
}
