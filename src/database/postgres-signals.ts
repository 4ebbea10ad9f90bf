import { debuglog } from 'node:util'
import { PostgresListener, type PostgresListenerOptions } from './postgres-listener.js'

export interface PostgresSignalsOptions extends Pick<PostgresListenerOptions, 'pool' | 'listen' | 'table'> {
  /** Called for each notification, and after each connection, because some may have been missed before. */
  onSignal: () => void
}

/** Milliseconds between looks at whether the pool ends, which waits for the connection that it has lent. */
const LOOK_INTERVAL = 500

const debug = debuglog('express-jwt-exchange')

/** Listens for notifications on a connection of its own, until it is stopped or the pool ends. */
export class PostgresSignals {
  readonly #options: PostgresSignalsOptions
  readonly #listener: PostgresListener

  constructor(options: PostgresSignalsOptions) {
    this.#options = options
    const onError = (error: unknown) => debug('no notifications: %s', error)
    this.#listener = new PostgresListener({ ...options, onSignal: () => this.#signal(), onError })
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
        if (!listener.isOpen) return // The pool lends no connection.
        listener.backOff.succeed()
        this.#signal()
        while (listener.isOpen && !listener.isOver) await listener.pause(LOOK_INTERVAL)
      } catch (error) {
        debug('no notifications: %s', error)
      }
      listener.close()
      listener.backOff.fail()
      if (!listener.isOver) await listener.pause(listener.backOff.remaining)
    }
  }

  #signal(): void {
    if (this.#listener.isEnded) return
    try {
      this.#options.onSignal()
    } catch (error) {
      debug('onSignal failed: %s', error)
    }
  }
}
