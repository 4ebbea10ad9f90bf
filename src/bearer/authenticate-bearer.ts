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

/** At once where nothing has to be waited for. */
export type AwaitedOutcome<Caller> = BearerOutcome<Caller> | Promise<BearerOutcome<Caller>>

export interface AuthenticateBearerDeps<Caller> {
  challenge: BearerChallenge
  events: ExchangeEventEmitter
  /** @throws TokenRejected, DependencyUnavailable, OAuthError, or rejects with one of them */
  verify: (token: string) => Caller | Promise<Caller>
  /** What the event says of an accepted caller. */
  describe: (caller: Caller) => ExchangeEvents['access.granted']
}

/** Judges one request to a protected route, and tells the operator of it. Never throws nor rejects. */
export function authenticateBearer<Caller>(
  req: BearerRequest,
  deps: AuthenticateBearerDeps<Caller>,
): AwaitedOutcome<Caller> {
  try {
    const token = readBearerToken(req, deps.challenge)
    if (token === undefined) return tellMissing(deps)
    const caller = deps.verify(token)
    return caller instanceof Promise ? grantAwaited(caller, deps) : grant(caller, deps)
  } catch (error) {
    return refuse(error, deps)
  }
}

async function grantAwaited<Caller>(
  caller: Promise<Caller>,
  deps: AuthenticateBearerDeps<Caller>,
): Promise<BearerOutcome<Caller>> {
  try {
    return grant(await caller, deps)
  } catch (error) {
    return refuse(error, deps)
  }
}

function grant<Caller>(caller: Caller, { events, describe }: AuthenticateBearerDeps<Caller>): BearerOutcome<Caller> {
  events.emit('access.granted', describe(caller))
  return { kind: 'granted', caller }
}

function tellMissing<Caller>({ challenge, events }: AuthenticateBearerDeps<Caller>): BearerOutcome<Caller> {
  events.emit('access.denied', { reason: 'no_token', status: 401 })
  return { kind: 'missing', challenge: challenge.plain() }
}

function refuse<Caller>(error: unknown, { challenge, events }: AuthenticateBearerDeps<Caller>): BearerOutcome<Caller> {
  const { answer, event } = toRefusal(error, ({ reason }) => challenge.error('invalid_token', INVALID_TOKEN, reason))
  events.emit('access.denied', event)
  return { kind: 'refused', answer }
}
