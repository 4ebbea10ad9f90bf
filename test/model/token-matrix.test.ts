import { afterAll, beforeAll, expect, it } from '@jest/globals'
import { startTokenPlaces, type TokenPlaces } from './token-places.js'
import { cellsOf, tryTokens } from './try-tokens.js'

/** For each kind of token in each life. */
const RUNS = 1

let tokenPlaces: TokenPlaces
beforeAll(async () => {
  tokenPlaces = await startTokenPlaces()
})
afterAll(() => tokenPlaces.close())

it('no token of one kind is accepted where another one is expected, in every cell of the matrix', async () => {
  const tried = await tryTokens(tokenPlaces, RUNS)
  expect([...tried.keys()].sort()).toEqual(cellsOf().sort())
  expect(Math.min(...tried.values())).toBeGreaterThanOrEqual(RUNS)
}, 300_000)
