import { describe, expect, it } from '@jest/globals'
import { tryInputs } from './run-target.js'
import { TARGETS } from './targets/index.js'

/** `npm run fuzz` tries some millions. */
const INPUTS = 300
const SEED = 1

describe('of inputs that were good and are mutated', () => {
  it.each(TARGETS)('$name keeps its promises', async ({ start }) => {
    const target = await start()
    try {
      await expect(tryInputs(target, { seed: SEED, inputs: INPUTS })).resolves.toBeUndefined()
    } finally {
      await target.close?.()
    }
  })
})
