import { afterAll, beforeAll, expect, it } from '@jest/globals'
import { startTokenPlaces, type TokenPlaces } from '../model/token-places.js'
import { cellsOf, tryTokens } from '../model/try-tokens.js'

/** For each kind of token, in force and not. */
const RUNS = 50

let tokenPlaces: TokenPlaces
beforeAll(async () => {
  tokenPlaces = await startTokenPlaces()
})
afterAll(() => tokenPlaces.close())

it(`no token of one kind is accepted where another one is expected, with ${RUNS} tokens for each cell`, async () => {
  const tried = await tryTokens(tokenPlaces, RUNS)
  expect([...tried.keys()].sort()).toEqual(cellsOf().sort())
  expect(Math.min(...tried.values())).toBeGreaterThanOrEqual(RUNS)
}, 3_600_000)
