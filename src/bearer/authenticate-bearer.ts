import type { ExchangeEventEmitter, ExchangeEvents } from '../events/exchange-events.js'
import type { OAuthError } from '../oauth/errors.js'
import { toRefusal } from '../oauth/refusal.js'
import { type BearerChallenge, INVALID_TOKEN } from './bearer-challenge.js'
import { type BearerRequest, readBearerToken } from './read-bearer-token.js'

/** What a protected route does with a request. */
export type BearerOutcome<Caller> =
  | { kind: 'granted'; caller: Caller }
  /** No token at all: 401 with a challenge that names no error (RFC 6750 §3.1). */
  | { kind: 'missing'; challenge: string }
  | { kind: 'refused'; answer: OAuthError }

export interface AuthenticateBearerDeps<Caller> {
  challenge: BearerChallenge
  events: ExchangeEventEmitter
  /** @throws TokenRejected, DependencyUnavailable, OAuthError */
  verify: (token: string) => Promise<Caller>
  /** What the event says of an accepted caller. */
  describe: (caller: Caller) => ExchangeEvents['access.granted']
}

/** Judges one request to a protected route, and tells the operator of it. Never rejects. */
export async function authenticateBearer<Caller>(
  req: BearerRequest,
  { challenge, events, verify, describe }: AuthenticateBearerDeps<Caller>,
): Promise<BearerOutcome<Caller>> {
  try {
    const token = readBearerToken(req, challenge)
    if (token === undefined) {
      events.emit('access.denied', { reason: 'no_token', status: 401 })
      return { kind: 'missing', challenge: challenge.plain() }
    }
    const caller = await verify(token)
    events.emit('access.granted', describe(caller))
    return { kind: 'granted', caller }
  } catch (error) {
    const { answer, event } = toRefusal(error, ({ reason }) => challenge.error('invalid_token', INVALID_TOKEN, reason))
    events.emit('access.denied', event)
    return { kind: 'refused', answer }
  }
}
