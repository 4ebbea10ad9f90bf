import { readFileSync } from 'node:fs'
import { parse } from 'smol-toml'
import { loadConfig } from '../config/load-config.js'
import type { ReplayStores } from '../config/named-replay-store.js'
import { fieldOf } from '../errors/field-of.js'
import { createJwtExchange, type JwtExchange } from '../jwt-exchange.js'
import type { CommandStreams } from './command.js'

/**
 * The exchange of a file, with no replay store opened: nothing is claimed here.
 *
 * @throws ConfigError
 */
export function openExchange(path: string, { env }: CommandStreams): JwtExchange {
  return createJwtExchange(loadConfig(path, { env, replayStores: anyStoreOf(path) }))
}

/** Whatever store the file names: the application knows it. A file that cannot be read is told of when it is loaded. */
function anyStoreOf(path: string): ReplayStores {
  const name = fieldOf(fieldOf(readTable(path), 'replay'), 'store')
  const claim = () => Promise.reject(new Error('nothing is claimed here'))
  return typeof name === 'string' ? { [name]: () => ({ claim }) } : {}
}

function readTable(path: string): unknown {
  try {
    return parse(readFileSync(path, 'utf8'))
  } catch {
    return undefined
  }
}
