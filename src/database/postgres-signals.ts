import { debuglog } from 'node:util'
import { BackOff } from '../clock/back-off.js'
import { systemClock } from '../clock/clock.js'
import { fieldOf } from '../errors/field-of.js'
import { BACKGROUND_TIMERS, type PostgresConnectionPool, PostgresListener } from './postgres-listener.js'

export interface PostgresSignalsOptions {
  pool: PostgresConnectionPool
  /** The statement that begins to listen. */
  listen: string
  /** What is listened for, for errors. */
  table: string
  /** Called for each notification, and after each connection, because some may have been missed before. */
  onSignal: () => void
}

/** Milliseconds between looks at whether the pool ends, which waits for the connection that it has lent. */
const LOOK_INTERVAL = 500
/** Milliseconds between attempts to connect. */
const RETRY = { first: 200, longest: 5000 }

const debug = debuglog('express-jwt-exchange')

/** Listens for notifications on a connection of its own, until it is stopped or the pool ends. */
export class PostgresSignals {
  readonly #options: PostgresSignalsOptions
  readonly #backOff = new BackOff(RETRY.first, { clock: systemClock, random: Math.random }, RETRY.longest)
  readonly #listener: PostgresListener
  #isStopped = false
  #wake = () => {}

  constructor(options: PostgresSignalsOptions) {
    this.#options = options
    const onError = (error: unknown) => debug('no notifications: %s', error)
    this.#listener = new PostgresListener({ ...options, onSignal: () => this.#signal(), onError })
  }

  start(): void {
    void this.#run()
  }

  stop(): void {
    this.#isStopped = true
    this.#listener.end()
    this.#wake()
  }

  get #isOver(): boolean {
    return this.#isStopped || fieldOf(this.#options.pool, 'ending') === true
  }

  async #run(): Promise<void> {
    while (!this.#isOver) {
      try {
        await this.#listener.open()
        if (!this.#listener.isOpen) return // The pool lends no connection.
        this.#backOff.succeed()
        this.#signal()
        while (this.#listener.isOpen && !this.#isOver) await this.#pause(LOOK_INTERVAL)
      } catch (error) {
        debug('no notifications: %s', error)
      }
      this.#listener.close()
      this.#backOff.fail()
      if (!this.#isOver) await this.#pause(this.#backOff.remaining)
    }
  }

  #signal(): void {
    if (this.#isStopped) return
    this.#wake()
    try {
      this.#options.onSignal()
    } catch (error) {
      debug('onSignal failed: %s', error)
    }
  }

  #pause(milliseconds: number): Promise<void> {
    return new Promise((resolve) => {
      const cancel = BACKGROUND_TIMERS.inBackground(milliseconds, resolve)
      this.#wake = () => {
        cancel()
        resolve()
      }
    })
  }
}
