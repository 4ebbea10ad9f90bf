import { afterAll, beforeAll, expect, it } from '@jest/globals'
import { startTokenEndpoint, type TokenEndpoint } from '../model/token-endpoint.js'
import { tryRequests } from '../model/try-requests.js'

const REQUESTS = 100_000
/** Of about four requests each. */
const RUNS = REQUESTS / 4

let endpoint: TokenEndpoint
beforeAll(async () => {
  endpoint = await startTokenEndpoint()
})
afterAll(() => endpoint.close())

it(`gives for ${REQUESTS} requests what the rules of access give`, async () => {
  await tryRequests(endpoint, RUNS)
  const counts = [...endpoint.outcomes.values()]
  expect(counts.reduce((sum, count) => sum + count)).toBeGreaterThan(0.95 * REQUESTS)
}, 1_800_000)
