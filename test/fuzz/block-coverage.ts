import { type Profiler, Session } from 'node:inspector/promises'

const SOURCES = /\/src\/.*\.ts$/

/** Which blocks of our sources are executed, as V8 counts them. */
export class BlockCoverage {
  readonly #session = new Session()
  readonly #known = new Set<string>()

  async start(): Promise<void> {
    this.#session.connect()
    await this.#session.post('Profiler.enable')
    await this.#session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: true })
  }

  get size(): number {
    return this.#known.size
  }

  /** Those that were executed since it was asked last, and are not known. */
  async takeNew(): Promise<string[]> {
    const { result } = await this.#session.post('Profiler.takePreciseCoverage')
    const blocks = result.filter(({ url }) => SOURCES.test(url)).flatMap(blocksOf)
    return blocks.filter((block) => !this.#known.has(block))
  }

  learn(blocks: readonly string[]): void {
    for (const block of blocks) this.#known.add(block)
  }

  async stop(): Promise<void> {
    await this.#session.post('Profiler.stopPreciseCoverage')
    this.#session.disconnect()
  }
}

/** With the order of magnitude of how often: a loop that runs longer is something new. */
function blocksOf({ url, functions }: Profiler.ScriptCoverage): string[] {
  return functions
    .flatMap(({ ranges }) => ranges)
    .filter(({ count }) => count > 0)
    .map(
      ({ startOffset, endOffset, count }) => `${url}:${startOffset}:${endOffset}:${Math.floor(Math.log2(count) / 2)}`,
    )
}
