import { hash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { setTimeout as pause } from 'node:timers/promises'
import { createJwtExchange, type JwtExchange } from '../exchange/jwt-exchange.js'
import { OptionReader } from '../option-checks/option-reader.js'
import { readBytes } from './file-problem.js'
import { loadSource } from './load-config.js'
import { checkLoadOptions, type LoadConfigOptions } from './load-options.js'
import { ANOTHER_REPLAY_STORE, ANOTHER_REVOCATION_STORE, LastingStore } from './named-stores.js'

/**
 * Options of `watchConfig`.
 *
 * @example
 * const watchOptions: WatchConfigOptions = { interval: 5000, env: { ...process.env, APP_SECRET: 'from a vault' } }
 */
export interface WatchConfigOptions extends LoadConfigOptions {
  /** How often the file is checked for changes, in milliseconds, 50 to 600 000. Default: 1000. */
  interval?: number
}

/** Milliseconds for which a changed file must stay unchanged before it is read: it may be only half written. */
const SETTLED_AFTER = 100

/**
 * Creates an exchange like `createJwtExchange(loadConfig(path))` that also follows the file. When the file changes, it is
 * read and checked as a whole, and takes effect between two requests, as with `exchange.reconfigure`. A file that cannot be
 * used changes nothing: the event `config.refused` and `stats().config` report its problems, with line and column. Files that
 * this file names, such as keys, are not watched: a SIGHUP reads them and the file again. `close()` stops watching.
 *
 * Write a new file and rename it. A file that stops changing while it is half written is read as it is.
 *
 * @example
 * const exchange = watchConfig('deployment.toml', { interval: 5000 })
 * exchange.events.on('config.refused', ({ message }) => console.error(message))
 *
 * @throws ConfigError with all problems together, if the file cannot be used at the start
 */
export function watchConfig(path: string, watchOptions: WatchConfigOptions = {}): JwtExchange {
  const { interval, loadOptions } = readWatchOptions(watchOptions)
  const open = {
    replay: new LastingStore(loadOptions.replayStores ?? {}, ANOTHER_REPLAY_STORE).open,
    revocation: new LastingStore(loadOptions.revocationStores ?? {}, ANOTHER_REVOCATION_STORE).open,
  }
  const load = (bytes: Buffer) => loadSource(bytes.toString(), path, loadOptions, open)
  const bytes = readBytes(path)
  const exchange = createJwtExchange(load(bytes))
  const follower = new Follower(path, bytes, (changed) => {
    ignoreRefusal(() => exchange.reconfigure(() => load(changed ?? readBytes(path))))
  })
  follower.start(interval)
  const close = () => {
    follower.stop()
    exchange.close()
  }
  return { ...exchange, close }
}

function readWatchOptions(watchOptions: WatchConfigOptions) {
  checkLoadOptions('watchConfig', watchOptions, ['interval'])
  const { interval, ...loadOptions } = { interval: undefined, ...watchOptions }
  const reader = new OptionReader(interval === undefined ? {} : { interval }, ['watchConfig'])
  const milliseconds = reader.integer('interval', { min: 50, max: 600_000, default: 1000, unit: 'milliseconds' })
  reader.throwProblems()
  return { interval: milliseconds, loadOptions }
}

/**
 * Reads a file at each interval, and at each SIGHUP. The digest of its bytes is compared, not its date, because a digest
 * shows every change on every file system, even through links and mounted configurations. They become text only where they
 * take effect, so that the secrets in them are not on the heap at each interval.
 */
class Follower {
  readonly #path: string
  readonly #apply: (bytes: Buffer | undefined) => void
  /** The digest of the bytes that were applied last; undefined: the file could not be read. */
  #digest: string | undefined
  #timer: NodeJS.Timeout | undefined
  #looking: Promise<void> | undefined
  #isDemanded = false

  constructor(path: string, bytes: Buffer, apply: (bytes: Buffer | undefined) => void) {
    this.#path = path
    this.#digest = digestOf(bytes)
    this.#apply = apply
  }

  start(interval: number): void {
    this.#timer = setInterval(this.#look, interval).unref()
    process.on('SIGHUP', this.#demand)
  }

  stop(): void {
    clearInterval(this.#timer)
    this.#timer = undefined
    process.off('SIGHUP', this.#demand)
  }

  readonly #demand = (): void => {
    this.#isDemanded = true
    this.#look()
  }

  readonly #look = (): void => {
    this.#looking ??= this.#readAndApply().finally(() => {
      this.#looking = undefined
      if (this.#isDemanded) this.#look() // In the meantime.
    })
  }

  async #readAndApply(): Promise<void> {
    const wasDemanded = this.#isDemanded
    this.#isDemanded = false
    const found = await readIfThere(this.#path)
    if (digestOf(found) === this.#digest && !wasDemanded) return
    const bytes = await this.#readAtRest(found)
    const digest = digestOf(bytes)
    if (this.#timer === undefined || (digest === this.#digest && !wasDemanded)) return
    this.#digest = digest
    this.#apply(bytes)
  }

  async #readAtRest(found: Buffer | undefined): Promise<Buffer | undefined> {
    for (let digest = digestOf(found); ; ) {
      await pause(SETTLED_AFTER, undefined, { ref: false })
      const bytes = await readIfThere(this.#path)
      const later = digestOf(bytes)
      if (later === digest) return bytes
      digest = later
    }
  }
}

function digestOf(bytes: Buffer | undefined): string | undefined {
  return bytes === undefined ? undefined : hash('sha256', bytes, 'base64url')
}

async function readIfThere(path: string): Promise<Buffer | undefined> {
  try {
    return await readFile(path)
  } catch {
    return undefined
  }
}

/** The exchange has reported it. */
function ignoreRefusal(change: () => void): void {
  try {
    change()
  } catch {
    // See `config.refused`.
  }
}
