import { afterAll, beforeAll, expect, it } from '@jest/globals'
import { startTokenEndpoint, type TokenEndpoint } from './token-endpoint.js'
import { tryRequests } from './try-requests.js'

/** Of about four requests each. */
const RUNS = 520

let endpoint: TokenEndpoint
beforeAll(async () => {
  endpoint = await startTokenEndpoint()
})
afterAll(() => endpoint.close())

it('the token endpoint gives an access token if the rules of access give one, and the same error if not', async () => {
  await tryRequests(endpoint, RUNS)
  const counts = [...endpoint.outcomes.values()]
  expect(counts.reduce((sum, count) => sum + count)).toBeGreaterThan(1900)
  expect([...endpoint.outcomes.keys()].sort()).toEqual(OUTCOMES)
}, 60_000)

/** Each of them is met. */
const OUTCOMES = [
  ...['invalid_client', 'invalid_grant', 'invalid_request', 'invalid_scope', 'issued', 'issued without a client'],
  ...['unauthorized_client', 'unsupported_grant_type'],
]
