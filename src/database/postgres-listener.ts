import { debuglog } from 'node:util'
import { BackOff } from '../clock/back-off.js'
import { systemClock } from '../clock/clock.js'
import { settleInTime, systemTimers, within } from '../clock/timers.js'
import { createFault } from '../errors/describe-fault.js'
import { fieldOf } from '../errors/field-of.js'
import { type PostgresPool, queryTable } from './postgres-table.js'

/** A connection that a pool has lent: a `PoolClient` of `pg`, or an object that acts like one. */
export interface PostgresConnection extends PostgresPool {
  on(event: 'notification' | 'error' | 'end', listener: (argument?: unknown) => void): unknown
  /** With `true`, the connection is closed. */
  release(isClosed: true): void
  /** Lets the process end while the connection is open. */
  unref?(): void
}

/** A `Pool` of `pg`, or an object that acts like one. Each query must be a transaction of its own. */
export interface PostgresConnectionPool extends PostgresPool {
  /** Lends a connection, which a watch keeps and then closes. */
  connect?(): PromiseLike<PostgresConnection>
}

export interface PostgresListenerOptions {
  pool: PostgresConnectionPool
  /** The statement that begins to listen. */
  listen: string
  /** What is read, for errors. */
  table: string
  /** Called for each notification, and if the connection breaks. */
  onSignal: () => void
  onError: (error: unknown) => void
}

/** Milliseconds that PostgreSQL may take to answer, before the connection is given up. */
const TIMEOUT = 5000
/** Milliseconds between attempts to connect. */
const RETRY = { first: 200, longest: 5000 }
/** Nothing here keeps the process alive. */
const BACKGROUND_TIMERS = { ...systemTimers, after: systemTimers.inBackground }

const debug = debuglog('express-jwt-exchange')

/** Listens and reads on a connection of its own, or reads through the pool if that lends none. */
export class PostgresListener {
  readonly #options: PostgresListenerOptions
  #connection: PostgresConnection | undefined
  #fault: unknown
  /** The statement that is not answered yet. */
  #unanswered: Promise<void> = Promise.resolve()
  #isEnded = false
  #wake = () => {}
  /** How long to wait before it is opened again. */
  readonly backOff = new BackOff(RETRY.first, { clock: systemClock, random: Math.random }, RETRY.longest)

  constructor(options: PostgresListenerOptions) {
    this.#options = options
  }

  /** Without notifications, as on a standby server, changes can still be read. */
  async open(): Promise<void> {
    const { pool, listen } = this.#options
    if (!canLend(pool)) return
    const connection = await this.#borrow(pool)
    connection.on('notification', () => this.#signal(connection))
    connection.on('error', (error) => this.#signal(connection, error))
    connection.on('end', () => this.#signal(connection, createFault('connection_ended')))
    connection.unref?.()
    this.#connection = connection
    this.#fault = undefined
    this.#unanswered = Promise.resolve()
    if (this.#isEnded) this.close()
    else await this.query(listen).catch((error) => debug('no notifications: %s', error))
  }

  /**
   * One statement at a time, also after one that took too long: unanswered ones must not fill the pool.
   *
   * @throws the error of PostgreSQL or of the connection
   */
  async query(text: string, values: unknown[] = []): Promise<unknown[]> {
    await inTime(this.#unanswered)
    if (this.#isEnded) throw createFault('watch_ended')
    if (this.#fault !== undefined) throw this.#fault
    const { table, pool } = this.#options
    const rows = queryTable(table, this.#connection ?? pool, text, values)
    const settle = () => {}
    this.#unanswered = rows.then(settle, settle)
    return await inTime(rows)
  }

  /** Whether it has a connection that has not broken. */
  get isOpen(): boolean {
    return this.#connection !== undefined && this.#fault === undefined
  }

  get isEnded(): boolean {
    return this.#isEnded
  }

  /** Whether nothing is to be heard any more: it was ended, or the pool ends, which waits for the connection that it has lent. */
  get isOver(): boolean {
    return this.#isEnded || fieldOf(this.#options.pool, 'ending') === true
  }

  /** @returns a promise that is fulfilled after that time, or earlier: with the next signal, or when it is ended */
  pause(milliseconds: number): Promise<void> {
    return new Promise((resolve) => {
      const cancel = BACKGROUND_TIMERS.inBackground(milliseconds, resolve)
      this.#wake = () => {
        cancel()
        resolve()
      }
      if (this.#isEnded) this.#wake()
    })
  }

  /** Closes the connection: nobody else should get one that listens. It can be opened again. */
  close(): void {
    const connection = this.#connection
    this.#connection = undefined
    connection?.release(true)
  }

  /** Closes it for good, also while it is being opened. */
  end(): void {
    this.#isEnded = true
    this.close()
    this.#wake()
  }

  #signal(connection: PostgresConnection, fault?: unknown): void {
    if (connection !== this.#connection) return
    this.#fault ??= fault
    this.#wake()
    this.#options.onSignal()
  }

  /** A pool whose connections are all in use makes it wait for any time. */
  async #borrow(pool: LendingPool): Promise<PostgresConnection> {
    const connecting = Promise.resolve(pool.connect()).then(checkConnection)
    for (;;) {
      const connection = await within(TIMEOUT, connecting, BACKGROUND_TIMERS)
      if (connection !== undefined) return connection
      this.#options.onError(createFault('no_connection', `the pool has lent no connection within ${TIMEOUT} ms`))
    }
  }
}

type LendingPool = Required<Pick<PostgresConnectionPool, 'connect'>>

/** A pool of one connection would have none left for others. */
function canLend(pool: PostgresConnectionPool): pool is PostgresConnectionPool & LendingPool {
  return typeof fieldOf(pool, 'connect') === 'function' && fieldOf(fieldOf(pool, 'options'), 'max') !== 1
}

/** A `Client` of `pg` has a `connect` as well, which lends nothing. */
function checkConnection(connection: PostgresConnection): PostgresConnection {
  if (typeof fieldOf(connection, 'release') === 'function') return connection
  throw createFault('no_connection', 'connect() has lent no connection; pass a Pool of pg')
}

function inTime<Result>(promise: Promise<Result>): Promise<Result> {
  return settleInTime(promise, TIMEOUT, BACKGROUND_TIMERS, () =>
    createFault('no_answer', `no answer within ${TIMEOUT} ms`),
  )
}
