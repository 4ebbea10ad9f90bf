import { afterAll, beforeAll, expect, it } from '@jest/globals'
import { CLIENTS } from './parties.js'
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

/** Each of them is met. One of the clients can never authenticate itself. */
const OUTCOMES = [
  ...['invalid_client', 'invalid_grant', 'invalid_request', 'invalid_scope', 'unauthorized_client'],
  ...['unsupported_grant_type', 'issued to nobody'],
  ...CLIENTS.filter(({ id }) => !['refused'].includes(id)).map(({ id }) => `issued to ${id}`),
].sort()
