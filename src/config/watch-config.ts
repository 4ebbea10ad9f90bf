import { unwatchFile, watchFile } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'
import { createJwtExchange, type JwtExchange } from '../jwt-exchange.js'
import { OptionReader } from '../option-checks/option-reader.js'
import { type LoadConfigOptions, readConfig, readSource } from './load-config.js'
import { OpenedReplayStores } from './named-replay-store.js'

export interface WatchConfigOptions extends LoadConfigOptions {
  /** Milliseconds between two looks at the file, 50 to 600 000. Default: 1000. */
  interval?: number
}

/** Milliseconds for which a changed file must stay as it is: it may have been written in part only. */
const SETTLED_AFTER = 100

/**
 * An exchange of a TOML file, as `createJwtExchange(loadConfig(path))` makes it, that follows the file. When the file
 * changes, it is read and checked as a whole and comes into force between two requests, as by `exchange.reconfigure`. A
 * file that cannot be used changes nothing: the event `config.refused` and `stats().config` tell its problems, with line
 * and column. A SIGHUP does the same, and reads again what the file names, which is not watched. `close()` ends it.
 *
 * Write a new file and rename it: a file that rests while it is half written is taken as it is.
 *
 * @throws ConfigError with every problem, where the file cannot be used at the start
 */
export function watchConfig(path: string, watchOptions: WatchConfigOptions = {}): JwtExchange {
  const stores = new OpenedReplayStores()
  const { interval, loadOptions } = readWatchOptions(watchOptions, stores)
  let source: string | undefined = readSource(path)
  const exchange = createJwtExchange(readConfig(source, path, loadOptions))
  stores.finish()
  const endWatch = follow(path, interval, (newSource, isDemanded) => {
    if (newSource === source && !isDemanded) return
    source = newSource
    exchange.reconfigure(() => readConfig(newSource ?? readSource(path), path, loadOptions))
  })
  const close = () => {
    endWatch()
    exchange.close()
  }
  return { ...exchange, close }
}

function readWatchOptions({ interval, ...loadOptions }: WatchConfigOptions, stores: OpenedReplayStores) {
  const reader = new OptionReader({ interval })
  const milliseconds = reader.integer('interval', { min: 50, max: 600_000, default: 1000, unit: 'milliseconds' })
  reader.throwProblems()
  const replayStores = stores.openingOnce(loadOptions.replayStores ?? {})
  return { interval: milliseconds, loadOptions: { ...loadOptions, replayStores } }
}

/** @param source of the file, once it rests; undefined: it cannot be read */
type Apply = (source: string | undefined, isDemanded: boolean) => void

/** Calls `apply` after each change of the file, and at each SIGHUP, one after the other. Returns what ends that. */
function follow(path: string, interval: number, apply: Apply): () => void {
  let isEnded = false
  let following = Promise.resolve()
  const look = (isDemanded: boolean) => {
    following = following.then(async () => {
      const source = await readAtRest(path)
      if (!isEnded) ignoreRefusal(() => apply(source, isDemanded))
    })
  }
  const changed = () => look(false)
  const demanded = () => look(true)
  watchFile(path, { interval, persistent: false }, changed)
  process.on('SIGHUP', demanded)
  return () => {
    isEnded = true
    unwatchFile(path, changed)
    process.off('SIGHUP', demanded)
  }
}

async function readAtRest(path: string): Promise<string | undefined> {
  for (let source = readIfThere(path); ; ) {
    await pause(SETTLED_AFTER, undefined, { ref: false })
    const later = readIfThere(path)
    if (later === source) return source
    source = later
  }
}

function readIfThere(path: string): string | undefined {
  try {
    return readSource(path)
  } catch {
    return undefined
  }
}

/** The exchange has told of it. */
function ignoreRefusal(change: () => void): void {
  try {
    change()
  } catch {
    // See `config.refused`.
  }
}
