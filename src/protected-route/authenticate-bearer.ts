import type { AccessDenied, ExchangeEventEmitter, ExchangeEvents } from '../events/exchange-events.js'
import type { OAuthError } from '../oauth/errors.js'
import { toRefusal } from '../oauth/refusal.js'
import { type BearerChallenge, INVALID_TOKEN } from './bearer-challenge.js'
import { describeRequest } from './describe-request.js'
import { type BearerRequest, readBearerToken } from './read-bearer-token.js'

/** What a protected route does with a request. The event `access.denied` is emitted by whoever knows that this is final. */
export type BearerOutcome<Caller> =
  | { kind: 'granted'; caller: Caller }
  /** No token at all: 401 with a challenge that names no error (RFC 6750 §3.1). */
  | { kind: 'missing'; challenge: string; event: AccessDenied }
  | { kind: 'refused'; answer: OAuthError; event: AccessDenied }

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

/** Judges one request to a protected route, and reports one that passes. Never throws nor rejects. */
export function authenticateBearer<Caller>(
  req: BearerRequest,
  deps: AuthenticateBearerDeps<Caller>,
): AwaitedOutcome<Caller> {
  try {
    const token = readBearerToken(req, deps.challenge)
    if (token === undefined) return missing(req, deps)
    const caller = deps.verify(token)
    return caller instanceof Promise ? grantAwaited(caller, req, deps) : grant(caller, deps)
  } catch (error) {
    return refuse(error, req, deps)
  }
}

async function grantAwaited<Caller>(
  caller: Promise<Caller>,
  req: BearerRequest,
  deps: AuthenticateBearerDeps<Caller>,
): Promise<BearerOutcome<Caller>> {
  try {
    return grant(await caller, deps)
  } catch (error) {
    return refuse(error, req, deps)
  }
}

function grant<Caller>(caller: Caller, { events, describe }: AuthenticateBearerDeps<Caller>): BearerOutcome<Caller> {
  events.emit('access.granted', describe(caller))
  return { kind: 'granted', caller }
}

function missing<Caller>(req: BearerRequest, deps: AuthenticateBearerDeps<Caller>): BearerOutcome<Caller> {
  const event: AccessDenied = { reason: 'no_token', status: 401, ...describeRequest(req, 401) }
  return { kind: 'missing', challenge: deps.challenge.plain(), event }
}

function refuse<Caller>(
  error: unknown,
  req: BearerRequest,
  { challenge }: AuthenticateBearerDeps<Caller>,
): BearerOutcome<Caller> {
  const { answer, event } = toRefusal(error, ({ reason }) => challenge.error('invalid_token', INVALID_TOKEN, reason))
  return { kind: 'refused', answer, event: { ...event, ...describeRequest(req, answer.status) } }
}
