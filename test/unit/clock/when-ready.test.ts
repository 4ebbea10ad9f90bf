import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it } from '@jest/globals'
import { type Eventual, inTurn, isPending, whenReady } from '../../../src/clock/when-ready.js'

/** Acts on 0 to 4: at once, or later for those that are named. */
function act(seen: number[], later: readonly number[], failing?: number): Eventual<void> {
  return inTurn([0, 1, 2, 3, 4], (item) => {
    if (!later.includes(item)) return note(item)
    return sleep(1).then(() => note(item))
  })
  function note(item: number): void {
    if (item === failing) throw new Error(`of ${item}`)
    seen.push(item)
  }
}

describe('inTurn', () => {
  it('acts on everything in the same turn if nothing must be awaited', () => {
    const seen: number[] = []
    expect(act(seen, [])).toBeUndefined()
    expect(seen).toEqual([0, 1, 2, 3, 4])
  })

  it.each([[[0]], [[2]], [[4]], [[1, 3]], [[0, 1, 2, 3, 4]]])(
    'waits for %j before it acts on the next',
    async (later) => {
      const seen: number[] = []
      const acting = act(seen, later)
      expect(isPending(acting)).toBe(true)
      expect(seen).toEqual([0, 1, 2, 3, 4].slice(0, later[0]))
      await acting
      expect(seen).toEqual([0, 1, 2, 3, 4])
    },
  )

  it('throws in the same turn, and acts on nothing after that', () => {
    const seen: number[] = []
    expect(() => act(seen, [4], 2)).toThrow('of 2')
    expect(seen).toEqual([0, 1])
  })

  it('rejects once something was awaited, and acts on nothing after that', async () => {
    const seen: number[] = []
    await expect(act(seen, [1], 3)).rejects.toThrow('of 3')
    expect(seen).toEqual([0, 1, 2])
  })
})

describe('whenReady', () => {
  it('goes on in the same turn with a value, and later with a promise of it', async () => {
    const double = (value: number) => 2 * value
    expect(whenReady(2, double)).toBe(4)
    await expect(whenReady(Promise.resolve(2), double)).resolves.toBe(4)
  })
})
