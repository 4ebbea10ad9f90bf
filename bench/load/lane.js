import { HttpConnection } from './http-connection.js'

/**
 * Requests that are due at even intervals, whether earlier ones are answered or not. Each is sent over the connection that
 * became idle last, as Node's own agent does, or over a new one while there are fewer than allowed; beyond that it waits.
 * Its latency counts from when it was due.
 */
export class Lane {
  #port
  #interval
  #mostConnections
  #nextRequest
  #idle = []
  #waiting = []
  #connections = 0
  #sent = 0
  #startedAt = 0
  /** Milliseconds from the start of the lane, and of latency, of each answered request. */
  dues = []
  latencies = []
  /** Milliseconds by which the generator itself was late. */
  lateness = []
  statuses = {}

  /** @param nextRequest gives the text of the one that is due so many milliseconds after the start */
  constructor(port, { rate, mostConnections, nextRequest }) {
    this.#port = port
    this.#interval = 1000 / rate
    this.#mostConnections = mostConnections
    this.#nextRequest = nextRequest
  }

  get isDone() {
    return this.latencies.length === this.#sent
  }

  async open(connections) {
    this.#connections = connections
    this.#idle = await Promise.all(Array.from({ length: connections }, () => HttpConnection.open(this.#port)))
  }

  start(now) {
    this.#startedAt = now
  }

  /** Sends what is due until a time. */
  sendDue(until) {
    for (;;) {
      const due = this.#sent * this.#interval
      if (this.#startedAt + due >= until) return
      this.#sent += 1
      this.lateness.push(performance.now() - this.#startedAt - due)
      this.#sendOver(this.#takeIdle(), due)
    }
  }

  close() {
    for (const connection of this.#idle) connection.close()
  }

  #takeIdle() {
    for (;;) {
      const connection = this.#idle.pop()
      if (connection === undefined || connection.isOpen) return connection
      this.#connections -= 1
    }
  }

  #sendOver(connection, due) {
    if (connection !== undefined) this.#send(connection, due)
    else if (this.#connections < this.#mostConnections) this.#sendOverNew(due)
    else this.#waiting.push(due)
  }

  #sendOverNew(due) {
    this.#connections += 1
    HttpConnection.open(this.#port).then(
      (connection) => this.#send(connection, due),
      () => {
        this.#connections -= 1
        this.#note(due, 'not connected')
      },
    )
  }

  #send(connection, due) {
    connection.send(this.#nextRequest(due), (status) => {
      this.#note(due, status)
      if (!connection.isOpen) this.#connections -= 1
      else if (this.#waiting.length > 0) this.#send(connection, this.#waiting.shift())
      else this.#idle.push(connection)
    })
  }

  #note(due, status) {
    this.dues.push(due)
    this.latencies.push(performance.now() - this.#startedAt - due)
    this.statuses[status] = (this.statuses[status] ?? 0) + 1
  }
}
