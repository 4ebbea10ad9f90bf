import { expect } from '@jest/globals'
import request from 'supertest'
import { CLIENT, type ExchangeHost, GRANT_TYPE } from './exchange-host.js'

const WRONG_SECRET = 'wrong-secret-of-the-tests'

/**
 * An exchange, a replay, requests to a protected route, a wrong secret, an outage and its end.
 *
 * @returns what nobody may be told
 */
export async function tellStory({ idp, exchange, url, ...host }: ExchangeHost): Promise<string[]> {
  const assertion = await idp.issueAssertion()
  const exchanged = await host.exchangeAssertion(assertion)
  const accessToken: string = exchanged.body.access_token
  const replay = await host.exchangeAssertion(assertion)
  const passed = await request(url).get('/orders').auth(accessToken, { type: 'bearer' })
  const missing = await request(url).get('/orders')
  const misused = await request(url).get('/orders').auth(assertion, { type: 'bearer' })
  const parameters = { grant_type: GRANT_TYPE, assertion }
  const guessed = await request(url)
    .post('/oauth2/token')
    .auth(CLIENT.clientId, WRONG_SECRET)
    .type('form')
    .send(parameters)
  const statuses = [exchanged, replay, passed, missing, misused, guessed].map(({ status }) => status)
  expect(statuses).toEqual([200, 400, 200, 401, 401, 401])
  await idp.fault('error')
  await expect(exchange.refreshKeys(idp.name)).rejects.toMatchObject({ reason: 'jwks_unavailable' })
  await idp.fault('off')
  await exchange.refreshKeys(idp.name)
  return [assertion, accessToken, CLIENT.clientSecret, WRONG_SECRET]
}

/** Secrets, and the payloads and signatures of tokens. */
export function expectNoneOf(secrets: readonly string[], output: string): void {
  const fragments = secrets.flatMap((secret) => (secret.startsWith('ey') ? secret.split('.').slice(1) : [secret]))
  for (const fragment of fragments) {
    expect(fragment.length).toBeGreaterThan(20)
    expect(output).not.toContain(fragment)
  }
}
