import { describe, expect, it, jest } from '@jest/globals'
import { tryInputs } from './run-target.js'
import { TARGETS } from './targets/index.js'

const SEED = 1

/** For a machine that does much else. */
jest.setTimeout(60_000)

describe('of inputs that were good and are mutated', () => {
  it.each(TARGETS)('$name keeps its promises', async ({ start, inputs }) => {
    const target = await start()
    try {
      await expect(tryInputs(target, { seed: SEED, inputs })).resolves.toBeUndefined()
    } finally {
      await target.close?.()
    }
  })
})
