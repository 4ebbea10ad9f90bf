import { hash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { setTimeout as pause } from 'node:timers/promises'
import { createJwtExchange, type JwtExchange } from '../exchange/jwt-exchange.js'
import { OptionReader } from '../option-checks/option-reader.js'
import { readSource } from './file-problem.js'
import { checkLoadOptions, type LoadConfigOptions, loadSource } from './load-config.js'
import { LastingReplayStore } from './named-replay-store.js'

/**
 * Options of `watchConfig`.
 *
 * @example
 * const watchOptions: WatchConfigOptions = { interval: 5000, env: { ...process.env, APP_SECRET: 'from a vault' } }
 */
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
 * @example
 * const exchange = watchConfig('deployment.toml', { interval: 5000 })
 * exchange.events.on('config.refused', ({ message }) => console.error(message))
 *
 * @throws ConfigError with every problem, where the file cannot be used at the start
 */
export function watchConfig(path: string, watchOptions: WatchConfigOptions = {}): JwtExchange {
  const { interval, loadOptions } = readWatchOptions(watchOptions)
  const { open } = new LastingReplayStore(loadOptions.replayStores ?? {})
  const load = (text: string) => loadSource(text, path, loadOptions, open)
  const source = readSource(path)
  const exchange = createJwtExchange(load(source))
  const follower = new Follower(path, source, (text) => {
    ignoreRefusal(() => exchange.reconfigure(() => load(text ?? readSource(path))))
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
 * Reads a file again and again, and at each SIGHUP. The digest of its text is compared, not its date, because that shows
 * every change on every file system, links and mounted configurations included.
 */
class Follower {
  readonly #path: string
  readonly #apply: (text: string | undefined) => void
  /** Of the text that was applied last, which may hold secrets; undefined: it could not be read. */
  #digest: string | undefined
  #timer: NodeJS.Timeout | undefined
  #looking: Promise<void> | undefined
  #isDemanded = false

  constructor(path: string, text: string, apply: (text: string | undefined) => void) {
    this.#path = path
    this.#digest = digestOf(text)
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
    const text = await this.#readAtRest(found)
    if (this.#timer === undefined || (digestOf(text) === this.#digest && !wasDemanded)) return
    this.#digest = digestOf(text)
    this.#apply(text)
  }

  async #readAtRest(found: string | undefined): Promise<string | undefined> {
    for (let text = found; ; ) {
      await pause(SETTLED_AFTER, undefined, { ref: false })
      const later = await readIfThere(this.#path)
      if (later === text) return text
      text = later
    }
  }
}

function digestOf(text: string | undefined): string | undefined {
  return text === undefined ? undefined : hash('sha256', text, 'base64url')
}

async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8')
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
