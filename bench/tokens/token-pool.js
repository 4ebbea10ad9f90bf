import { mkdtemp, open, rm } from 'node:fs/promises'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import { createRecordSigner } from './sign-record.js'

const SIGN_WORKER = new URL('sign-worker.js', import.meta.url)

/**
 * Tokens that were signed before anything is measured, in a temporary file: one a line, all of one length, each with
 * another `jti`. Every contender gets the same ones in the same order.
 */
export class TokenPool {
  #ingredients
  #folder
  #file
  count = 0

  /** @param ingredients `privateJwk`, `header` and `claims`; `clientAssertion`, where a second token follows each */
  static async create(ingredients) {
    const folder = await mkdtemp(join(tmpdir(), 'jwt-bench-'))
    return new TokenPool(ingredients, folder, await open(join(folder, 'tokens'), 'w+'))
  }

  constructor(ingredients, folder, file) {
    this.#ingredients = ingredients
    this.#folder = folder
    this.#file = file
    this.recordLength = createRecordSigner(ingredients)().length + 1
  }

  /** Signs, on all cores, until there are at least so many. */
  async grow(count) {
    const missing = Math.ceil(count) - this.count
    if (missing <= 0) return
    const workers = availableParallelism()
    const shares = Array.from({ length: workers }, (_, index) => Math.floor((missing + index) / workers))
    await Promise.all(shares.map((share) => this.#signShare(share)))
  }

  async read(index) {
    const { buffer } = await this.#file.read(Buffer.alloc(this.recordLength - 1), {
      position: index * this.recordLength,
    })
    return buffer.toString('latin1')
  }

  /** What another process needs to read it. */
  describe() {
    return { path: join(this.#folder, 'tokens'), recordLength: this.recordLength, count: this.count }
  }

  async remove() {
    await this.#file.close()
    await rm(this.#folder, { recursive: true })
  }

  #signShare(count) {
    return new Promise((resolve, reject) => {
      const worker = new Worker(SIGN_WORKER, { workerData: { ...this.#ingredients, count } })
      const written = []
      worker.on('message', (lines) => written.push(this.#append(lines)))
      worker.once('error', reject)
      worker.once('exit', () => resolve(Promise.all(written)))
    })
  }

  async #append(lines) {
    const added = lines.length / this.recordLength
    if (!Number.isInteger(added)) throw new Error('tokens of different lengths')
    const position = this.count * this.recordLength
    this.count += added
    await this.#file.write(lines, position, 'latin1')
  }
}
