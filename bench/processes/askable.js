import { once } from 'node:events'

/**
 * A child process that answers questions, as `answerParent` has it. `ask` rejects where the child fails to answer or has
 * ended.
 */
export class AskableProcess {
  #child
  #name
  #waiting = new Map()
  #asked = 0
  #hasEnded = false

  constructor(child, name) {
    this.#child = child
    this.#name = name
    child.on('message', (message) => this.#hear(message))
    child.once('exit', (code, signal) => this.#noteEnd(code ?? signal))
  }

  /** Resolves when the child has loaded all that it needs to answer. */
  ready() {
    return new Promise((resolve, reject) => this.#waiting.set('ready', { resolve, reject }))
  }

  ask(question, body) {
    return new Promise((resolve, reject) => {
      if (this.#hasEnded) return reject(new Error(`${this.#name} has ended`))
      this.#asked += 1
      this.#waiting.set(this.#asked, { resolve, reject })
      this.#child.send({ id: this.#asked, question, body })
    })
  }

  async end() {
    if (this.#hasEnded) return
    const ended = once(this.#child, 'exit')
    this.#child.kill()
    this.resume() // A stopped process would not end.
    await ended
  }

  /** Stops the child where it is, until it is resumed. */
  pause() {
    this.#child.kill('SIGSTOP')
  }

  resume() {
    this.#child.kill('SIGCONT')
  }

  #hear({ id, answer, error }) {
    const { resolve, reject } = this.#waiting.get(id)
    this.#waiting.delete(id)
    if (error === undefined) resolve(answer)
    else reject(new Error(`${this.#name}: ${error}`))
  }

  #noteEnd(how) {
    this.#hasEnded = true
    for (const { reject } of this.#waiting.values()) reject(new Error(`${this.#name} has ended: ${how}`))
    this.#waiting.clear()
  }
}
