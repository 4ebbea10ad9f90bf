import { describe, expect, it } from '@jest/globals'
import { fuzz } from './run-target.js'
import { TARGETS } from './targets/index.js'

/** For each target. */
const SECONDS = Number(process.env.FUZZ_SECONDS ?? 30)
/** Named again, it finds the same again. */
const SEED = Number(process.env.FUZZ_SEED ?? Date.now() % 2 ** 32)
const ONLY = process.env.FUZZ_TARGET ?? ''

describe(`of any input, with FUZZ_SEED=${SEED}`, () => {
  it.each(TARGETS.filter(({ name }) => name.includes(ONLY)))(
    '$name keeps its promises',
    async ({ start }) => {
      const target = await start()
      try {
        const report = await fuzz(target, { seed: SEED, milliseconds: SECONDS * 1000 })
        process.stdout.write(`${JSON.stringify({ target: target.name, ...report })}\n`)
        expect(report.inputs).toBeGreaterThan(100)
      } finally {
        await target.close?.()
      }
    },
    (SECONDS + 60) * 1000,
  )
})
