import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { SeededRandom } from '../simulation/seeded-random.js'
import { BlockCoverage } from './block-coverage.js'
import type { FuzzTarget } from './fuzz-target.js'
import { Mutator } from './mutations.js'

/** Inputs between two looks at the coverage. */
const BATCH = 128
const MAX_CORPUS = 3000
/** Milliseconds for one input of at most 20 000 bytes. On a loaded machine most of it is waiting. */
const MAX_DURATION = 5000
/** Bytes that may be held more at the end than after the first inputs. */
const MAX_GROWTH = 64 * 2 ** 20
const INPUTS_BEFORE_MEASURING = 500
/** Inputs tried to make a finding smaller. */
const MAX_SHORTENING = 500

export interface FuzzReport {
  inputs: number
  /** Inputs that reached something new. */
  corpus: number
  blocks: number
  slowestMs: number
}

/** Mutated inputs until the time is over. Those that reach new blocks of code are mutated further. */
export async function fuzz(
  target: FuzzTarget,
  { seed, milliseconds }: { seed: number; milliseconds: number },
): Promise<FuzzReport> {
  const coverage = new BlockCoverage()
  await coverage.start()
  const corpus = seedsOf(target)
  const mutator = new Mutator(new SeededRandom(seed), target.words)
  const end = performance.now() + milliseconds
  let heapAtFirst: number | undefined
  let [inputs, slowestMs] = [0, 0]
  while (performance.now() < end) {
    const batch = Array.from({ length: BATCH }, () => mutator.next(corpus))
    for (const input of batch) slowestMs = Math.max(slowestMs, Math.round(await tryInput(target, input)))
    inputs += batch.length
    if (corpus.length < MAX_CORPUS) corpus.push(...(await findReachingMore(target, batch, coverage)))
    if (inputs >= INPUTS_BEFORE_MEASURING) heapAtFirst ??= heapUsed()
  }
  await coverage.stop()
  checkGrowth(heapUsed() - (heapAtFirst ?? Number.POSITIVE_INFINITY), corpus)
  return { inputs, corpus: corpus.length, blocks: coverage.size, slowestMs }
}

/** The seeds, and a number of inputs mutated from them. */
export async function tryInputs(target: FuzzTarget, { seed, inputs }: { seed: number; inputs: number }): Promise<void> {
  const corpus = seedsOf(target)
  const mutator = new Mutator(new SeededRandom(seed), target.words)
  for (const input of corpus) await tryInput(target, input)
  for (let count = 0; count < inputs; count += 1) await tryInput(target, mutator.next(corpus))
}

function seedsOf({ seeds }: FuzzTarget): Buffer[] {
  return seeds.map((seed) => Buffer.from(seed, 'latin1'))
}

/** The inputs by which something new is reached. V8 says it of all together, so each half is tried again. */
async function findReachingMore(
  target: FuzzTarget,
  inputs: readonly Buffer[],
  coverage: BlockCoverage,
): Promise<Buffer[]> {
  const reached = await coverage.takeNew()
  if (reached.length === 0) return []
  if (inputs.length === 1) {
    coverage.learn(reached)
    return [...inputs]
  }
  const found: Buffer[] = []
  const middle = Math.ceil(inputs.length / 2)
  for (const half of [inputs.slice(0, middle), inputs.slice(middle)]) {
    for (const input of half) await tryInput(target, input)
    found.push(...(await findReachingMore(target, half, coverage)))
  }
  coverage.learn(reached)
  return found
}

/** @returns milliseconds */
async function tryInput(target: FuzzTarget, input: Buffer): Promise<number> {
  const start = performance.now()
  const error = await findFault(target, input)
  if (error !== undefined) {
    const shortest = await shorten(target, input)
    const written = `${JSON.stringify(shortest.toString('latin1'))} (base64: ${shortest.toString('base64')})`
    throw new Error(`${target.name} breaks a promise by the bytes ${written}`, { cause: error })
  }
  const duration = performance.now() - start
  if (duration <= MAX_DURATION) return duration
  throw new Error(`${target.name} takes ${Math.round(duration)} ms for ${JSON.stringify(input.toString('latin1'))}`)
}

async function findFault(target: FuzzTarget, input: Buffer): Promise<unknown> {
  try {
    await target.check(input)
    return undefined
  } catch (error) {
    return error ?? new Error('it threw nothing')
  }
}

/** Leaves out what is not needed to break a promise. */
async function shorten(target: FuzzTarget, input: Buffer): Promise<Buffer> {
  let shortest = input
  let tries = 0
  for (let size = Math.ceil(input.length / 2); size >= 1; size = Math.floor(size / 2)) {
    for (let start = 0; start < shortest.length && tries < MAX_SHORTENING; tries += 1) {
      const shorter = Buffer.concat([shortest.subarray(0, start), shortest.subarray(start + size)])
      if ((await findFault(target, shorter)) === undefined) start += size
      else shortest = shorter
    }
  }
  return shortest
}

function checkGrowth(bytes: number, corpus: readonly Buffer[]): void {
  const ofCorpus = corpus.reduce((sum, { length }) => sum + length + 1000, 0)
  if (bytes - ofCorpus > MAX_GROWTH) throw new Error(`the heap has grown by ${Math.round(bytes / 2 ** 20)} MiB`)
}

/** Bytes after a garbage collection. */
function heapUsed(): number {
  setFlagsFromString('--expose-gc')
  runInNewContext('gc')()
  return process.memoryUsage().heapUsed
}
