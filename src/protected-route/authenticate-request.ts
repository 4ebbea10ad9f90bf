import type { RequireSyntax } from '../access-token/access-token.js'
import { type Eventual, isPending, whenReady } from '../clock/when-ready.js'
import type { ExchangeEventEmitter, ExchangeEvents } from '../events/exchange-events.js'
import type { AccessDenied } from '../events/refusals.js'
import { OAuthError } from '../oauth/errors.js'
import { toRefusal } from '../oauth/refusal.js'
import { type Challenge, type ChallengedAccess, INVALID_TOKEN } from './challenge.js'
import { describeSender, type HostRequest, routeOf } from './host-request.js'
import type { ProxyWarning } from './proxy-warning.js'
import { createRequireTokenSyntax, type GetToken, readPresentedToken, readTokenOfHost } from './read-presented-token.js'

/** What a protected route does with a request. The event `access.denied` is emitted by whoever knows that this is final. */
export type RouteOutcome<Caller> =
  | { kind: 'granted'; caller: Caller }
  /** No token at all: 401 with a challenge that names no error (RFC 6750 §3.1), unless the route lets such requests pass. */
  | { kind: 'missing'; challenge: string; describe: () => AccessDenied }
  | { kind: 'refused'; answer: OAuthError; event: AccessDenied }

/** Judges a request to a protected route, and reports one that passes. Never throws, never rejects. */
export type AuthenticateRequest<Caller> = (req: HostRequest) => Eventual<RouteOutcome<Caller>>

export interface AuthenticateRequestDeps<Caller> {
  challenge: Challenge
  /** What the challenges ask for. */
  challenged: ChallengedAccess
  /** Finds the token of a request. undefined: it is in the `Authorization` header. */
  getToken: GetToken | undefined
  events: ExchangeEventEmitter
  proxyWarning: ProxyWarning
  /**
   * The caller that a token stands for.
   *
   * @param requireSyntax must be called unless the token was verified before
   * @throws TokenRejected, DependencyUnavailable, OAuthError, or rejects with one of them
   */
  verify: (token: string, req: HostRequest, requireSyntax: RequireSyntax) => Eventual<Caller>
  /** What the event says of an accepted caller. */
  describe: (caller: Caller) => ExchangeEvents['access.granted']
}

/** For one route or strategy, so that each request finds everything ready. A caller that is known at once needs no promise. */
export function createAuthenticateRequest<Caller>(deps: AuthenticateRequestDeps<Caller>): AuthenticateRequest<Caller> {
  const { challenge, challenged, getToken, verify } = deps
  const grant = (caller: Caller) => grantAccess(caller, deps)
  const requireSyntax = getToken === undefined ? createRequireTokenSyntax(challenge, challenged) : acceptAnySyntax
  return (req) => {
    try {
      const token =
        getToken === undefined
          ? readPresentedToken(req, challenge, challenged)
          : readTokenOfHost(req, getToken, challenge, challenged)
      if (token === undefined) return missToken(req, deps)
      const outcome = whenReady(verify(token, req, requireSyntax), grant)
      return isPending(outcome) ? outcome.catch((error: unknown) => refuse(error, req, deps)) : outcome
    } catch (error) {
      return refuse(error, req, deps)
    }
  }
}

/** Of a token that a function of the host finds: it need not have been in a header. */
function acceptAnySyntax(): void {}

function grantAccess<Caller>(
  caller: Caller,
  { events, describe }: AuthenticateRequestDeps<Caller>,
): RouteOutcome<Caller> {
  if (events.isHeard('access.granted')) events.emit('access.granted', describe(caller))
  return { kind: 'granted', caller }
}

type RefusalDeps = Pick<AuthenticateRequestDeps<unknown>, 'challenge' | 'challenged' | 'proxyWarning'>

function missToken(req: HostRequest, { challenge, challenged, proxyWarning }: RefusalDeps): RouteOutcome<never> {
  const describe = () => ({ reason: 'no_token' as const, status: 401, ...describeRequest(req, proxyWarning) })
  return { kind: 'missing', challenge: challenge.plain(challenged), describe }
}

function refuse(
  error: unknown,
  req: HostRequest,
  { challenge, challenged, proxyWarning }: RefusalDeps,
): RouteOutcome<never> {
  const { answer, event } = toRefusal(error, ({ reason }) =>
    challenge.error('invalid_token', INVALID_TOKEN, reason, challenged),
  )
  return { kind: 'refused', answer, event: { ...event, ...describeRequest(req, proxyWarning) } }
}

/**
 * A request without a token, as an error for an error handler, or for a body. The code is for the host only: the challenge has
 * none (RFC 6750 §3.1).
 */
export function missingToken(challenge: string): OAuthError {
  const headers = { 'WWW-Authenticate': challenge }
  return new OAuthError('invalid_token', 'The request has no access token', { reason: 'no_token', headers })
}

/** The address is what the warning is about. A request that passes has none in its event, and costs nothing here. */
function describeRequest(
  req: HostRequest,
  proxyWarning: ProxyWarning,
): Pick<AccessDenied, 'method' | 'route' | 'remoteAddress'> {
  proxyWarning.check(req)
  return { ...describeSender(req), route: routeOf(req) }
}
