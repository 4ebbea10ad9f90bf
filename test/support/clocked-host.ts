import { randomUUID } from 'node:crypto'
import { signAssertion } from '../../src/testing/index.js'
import { AdjustableClock } from './adjustable-clock.js'
import { type ExchangeHost, type ExchangeHostOptions, startExchangeHost, TOKEN_ENDPOINT } from './exchange-host.js'

/** What the token endpoint made of an assertion, and why it says so to the operator. */
export interface Verdict {
  status: number
  error: string | undefined
  reason: string | undefined
}

/** An exchange host whose clock stands still, so that a boundary second can be met. */
export interface ClockedHost extends ExchangeHost {
  clock: AdjustableClock
  /** The claims of a good assertion, by the host's clock; a member that is `undefined` is left out. */
  claims(changes?: Readonly<Record<string, unknown>>): Record<string, unknown>
  /** The header of a good assertion. */
  header(changes?: Readonly<Record<string, unknown>>): Record<string, unknown>
  /** An assertion of the identity provider, by the host's clock. */
  assertion(claims?: Readonly<Record<string, unknown>>, header?: Readonly<Record<string, unknown>>): Promise<string>
  /** Exchanges an assertion. */
  judge(assertion: string): Promise<Verdict>
  /** Publishes these members as the key set and lets the cached one expire. */
  publish(members: readonly unknown[]): void
}

export const ACCEPTED: Verdict = { status: 200, error: undefined, reason: undefined }

export function refused(reason: string): Verdict {
  return { status: 400, error: 'invalid_grant', reason }
}

/** Longer than a key set stays in the cache. */
const LONGER_THAN_CACHED = 301

export async function startClockedHost(options: ExchangeHostOptions = {}): Promise<ClockedHost> {
  const clock = new AdjustableClock()
  const host = await startExchangeHost({
    ...options,
    idp: { algorithm: 'ES256', ...options.idp },
    exchange: { clock, ...options.exchange },
  })
  const { idp } = host
  const claims = (changes = {}) => {
    const now = Math.floor(clock.now())
    const dates = { iat: now, exp: now + 300 }
    return { iss: idp.name, sub: 'alice', aud: TOKEN_ENDPOINT, ...dates, jti: randomUUID(), ...changes }
  }
  const header = (changes = {}) => ({
    alg: idp.signingKey.algorithm,
    kid: idp.signingKey.publicJwk.kid,
    typ: 'JWT',
    ...changes,
  })
  const assertion = (claimChanges = {}, headerChanges = {}) =>
    signAssertion(idp.signingKey, header(headerChanges), claims(claimChanges))
  return {
    ...host,
    clock,
    claims,
    header,
    assertion,
    accessToken: async (claimChanges) => {
      const { body } = await host.exchangeAssertion(await assertion(claimChanges))
      if (typeof body.access_token !== 'string') throw new Error(`no access token: ${host.lastReason()}`)
      return body.access_token
    },
    judge: async (judged) => {
      const eventsBefore = host.events.length
      const response = await host.exchangeAssertion(judged)
      const rejected = host.events.slice(eventsBefore).find(({ name }) => name === 'token.rejected')
      return { status: response.status, error: response.body.error, reason: rejected?.reason }
    },
    publish: (members) => {
      idp.publish(members)
      clock.advance(LONGER_THAN_CACHED)
    },
  }
}
