import { randomUUID } from 'node:crypto'
import request from 'supertest'
import { type FakeKey, signAssertion } from '../../src/testing/index.js'
import type { ClockedHost, Verdict } from './clocked-host.js'
import { GRANT_TYPE, ISSUER } from './exchange-host.js'

export const CLIENT_ASSERTION_TYPE = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'
type Members = Readonly<Record<string, unknown>>

/** An assertion that a client makes itself, by the clock of the host; a member that is `undefined` is left out. */
export function signClientAssertion(
  { clock }: Pick<ClockedHost, 'clock'>,
  key: FakeKey,
  clientId: string,
  claims: Members = {},
  header: Members = {},
): Promise<string> {
  const now = Math.floor(clock.now())
  const own = { iss: clientId, sub: clientId, aud: ISSUER, iat: now, exp: now + 60, jti: randomUUID() }
  return signAssertion(key, { alg: key.algorithm, kid: key.kid, ...header }, { ...own, ...claims })
}

export function refusedClient(reason: string): Verdict {
  return { status: 401, error: 'invalid_client', reason }
}

/** Posts a good grant assertion, with these parameters and header. With `clientAssertionReason`, the reason has that after a colon. */
export async function judgeClient(
  host: ClockedHost,
  parameters: Readonly<Record<string, string | readonly string[]>>,
  headers: Readonly<Record<string, string>> = {},
): Promise<Verdict> {
  const before = host.events.length
  const assertion = await host.assertion()
  const form = new URLSearchParams({ grant_type: GRANT_TYPE, assertion })
  for (const [name, values] of Object.entries(parameters)) {
    form.delete(name)
    for (const value of [values].flat()) form.append(name, value)
  }
  const { status, body } = await request(host.url).post('/oauth2/token').set(headers).type('form').send(String(form))
  const event = host.events.slice(before).find(({ name }) => name.startsWith('token.'))
  const [reason, clientAssertionReason] = [event?.reason, event?.clientAssertionReason]
  return {
    status,
    error: body.error,
    reason: clientAssertionReason === undefined ? reason : `${reason}: ${clientAssertionReason}`,
  }
}
