import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import type { RegistrationChange } from '../../src/identity-provider-store/identity-provider-store.js'

/** Another process with a file store in the same directory. */
export class FileStoreProcess {
  readonly #child: ChildProcess
  readonly changes: RegistrationChange[] = []
  /** The number of the last write of each id that has ended. */
  readonly written = new Map<string, number>()
  readonly #results: ((result: unknown) => void)[] = []

  private constructor(child: ChildProcess) {
    this.#child = child
    child.on('message', (message: { change?: RegistrationChange; written?: { id: string; number: number } }) => {
      if (message.change !== undefined) this.changes.push(message.change)
      else if (message.written !== undefined) this.written.set(message.written.id, message.written.number)
      else this.#results.shift()?.((message as { result: unknown }).result)
    })
  }

  static async start(directory: string, format = 'json'): Promise<FileStoreProcess> {
    const env = { ...process.env, NODE_OPTIONS: '' }
    const started = new FileStoreProcess(fork('test/support/file-store-process.js', [directory, format], { env }))
    await started.#result()
    return started
  }

  /** Acts, and returns what that results in. */
  async do(act: 'put' | 'watch' | 'add' | 'writeOn', data?: unknown): Promise<unknown> {
    const result = this.#result()
    this.#child.send({ act, data })
    return await result
  }

  async kill(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    this.#child.kill('SIGKILL')
    await once(this.#child, 'exit')
  }

  #result(): Promise<unknown> {
    return new Promise((resolve) => this.#results.push(resolve))
  }
}
