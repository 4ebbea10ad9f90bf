import { debuglog, isDeepStrictEqual } from 'node:util'
import { currentMoment, elapsedSince, systemClock } from '../clock/clock.js'
import { type PostgresConnectionPool, PostgresListener } from '../database/postgres-listener.js'
import { createFault } from '../errors/describe-fault.js'
import { fieldOf } from '../errors/field-of.js'
import type { RegistrationChange } from './identity-provider-store.js'
import { MAX_CHANGES, type PostgresStatements } from './postgres-statements.js'

interface RecordedChange extends RegistrationChange {
  /** A whole number of 64 bits. */
  sequence: string
  /** Microseconds since the epoch. */
  at: string
}

export interface ChangeFeedOptions {
  pool: PostgresConnectionPool
  statements: PostgresStatements
  onChange: (change?: RegistrationChange) => void
  onError: (error: unknown) => void
}

/** Milliseconds. Less than a second, so that a change is reported within a second also without notifications. */
const POLL_INTERVAL = 500
/** Seconds that a transaction may take to be committed after it has recorded its change. */
const COMMIT_TIME = 5
const FIRST_SEQUENCE = '1'

const debug = debuglog('express-jwt-exchange')

/**
 * Reports changes in the order of their numbers. It remembers the last change that it has read, and each time reads from that
 * one on. If that one is not there any more, or is another one, changes were deleted, or lost with a server that failed: then
 * anything may have changed.
 */
export class PostgresChangeFeed {
  readonly #options: ChangeFeedOptions
  readonly #startedAt = currentMoment(systemClock)
  /** undefined: not known yet. `none`: there was no change before. */
  #last: RecordedChange | 'none' | undefined
  readonly #listener: PostgresListener
  #isSignalled = false

  constructor(options: ChangeFeedOptions) {
    const { pool, statements } = options
    this.#options = options
    this.#listener = new PostgresListener({
      pool,
      listen: statements.listen,
      table: statements.changes,
      onSignal: () => {
        this.#isSignalled = true
      },
      onError: (error) => this.#reportError(error),
    })
  }

  start(): void {
    void this.#run()
  }

  stop(): void {
    this.#listener.end()
  }

  async #run(): Promise<void> {
    const listener = this.#listener
    while (!listener.isOver) {
      try {
        await listener.open()
        await this.#follow()
      } catch (error) {
        listener.backOff.fail()
        this.#reportError(error)
      }
      listener.close()
      await listener.pause(listener.backOff.remaining)
    }
    this.#reportError(createFault('pool_ended', 'the pool has ended, so no change is reported any more'))
  }

  /** Ends when the feed is stopped, or the pool has ended. */
  async #follow(): Promise<void> {
    const listener = this.#listener
    while (!listener.isOver) {
      this.#isSignalled = false
      await this.#readChanges()
      listener.backOff.succeed()
      if (!this.#isSignalled) await listener.pause(POLL_INTERVAL)
    }
  }

  async #readChanges(): Promise<void> {
    const { changesFrom, newestChange } = this.#options.statements
    this.#last ??= await this.#findLast()
    const from = this.#last === 'none' ? '0' : this.#last.sequence
    const rows = await this.#listener.query(changesFrom, [from])
    const changes = changesAfter(this.#last, rows.map(readChange))
    if (changes === undefined) {
      const [newest] = await this.#listener.query(newestChange)
      this.#last = newest === undefined ? 'none' : readChange(newest)
      this.#report()
    }
    for (const change of changes ?? []) {
      this.#last = change
      const { sequence: _, at: __, ...reported } = change
      this.#report(reported)
    }
  }

  /** The last change before the watch began. One too many may be reported, but none too few. */
  async #findLast(): Promise<RecordedChange | 'none'> {
    const seconds = elapsedSince(this.#startedAt, systemClock) / 1000 + COMMIT_TIME
    const [row] = await this.#listener.query(this.#options.statements.changeBefore, [seconds])
    return row === undefined ? 'none' : readChange(row)
  }

  #report(change?: RegistrationChange): void {
    if (this.#listener.isEnded) return
    try {
      if (change === undefined) this.#options.onChange()
      else this.#options.onChange(change)
    } catch (error) {
      debug('onChange failed: %s', error)
    }
  }

  #reportError(error: unknown): void {
    if (this.#listener.isEnded) return
    try {
      this.#options.onError(error)
    } catch (fault) {
      debug('onError failed: %s', fault)
    }
  }
}

/**
 * What comes after a change.
 *
 * @param changes from that one on
 * @returns undefined if that is not known: that change is not the first of them, or there are too many
 */
function changesAfter(last: RecordedChange | 'none', changes: RecordedChange[]): RecordedChange[] | undefined {
  const [first, ...others] = changes
  if (last === 'none') {
    const isComplete = first === undefined || first.sequence === FIRST_SEQUENCE
    return isComplete && changes.length <= MAX_CHANGES ? changes : undefined
  }
  return isDeepStrictEqual(first, last) && others.length <= MAX_CHANGES ? others : undefined
}

function readChange(row: unknown): RecordedChange {
  const revision = fieldOf(row, 'revision')
  return {
    id: String(fieldOf(row, 'id')),
    name: String(fieldOf(row, 'name')),
    revision: typeof revision === 'string' ? revision : undefined,
    enabled: fieldOf(row, 'enabled') === true,
    sequence: String(fieldOf(row, 'sequence')),
    at: String(fieldOf(row, 'at')),
  }
}
