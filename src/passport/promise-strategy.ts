import type { IncomingMessage } from 'node:http'
import CustomStrategy from 'passport-custom'
import { type Eventual, isPending } from '../clock/when-ready.js'
import type { AccessDenied } from '../events/refusals.js'
import { missingToken, type RouteOutcome } from '../protected-route/authenticate-request.js'
import { findHostError } from './load-user.js'
import type { PassportRequest, PendingRefusals } from './pending-refusals.js'

/** A Passport strategy, described by what it needs; fits `passport.use` and `passport.authenticate`. */
export interface PassportStrategy {
  name: string
  authenticate(req: IncomingMessage, options?: unknown): void
}

/** What Passport puts on the strategy before it calls `authenticate`. */
interface PassportActions {
  success(user: unknown, info?: unknown): void
  fail(challenge?: unknown, status?: number): void
  error(error: unknown): void
}

/** How a refusal travels through passport-custom, whose `fail` takes one argument. */
interface Failure {
  challenge: string | undefined
  status: number
  event: AccessDenied
}

/** @param options the options of `passport.authenticate` */
export type Authenticate<Caller> = (req: IncomingMessage, options: unknown) => Eventual<RouteOutcome<Caller>>

export interface PromiseStrategyDeps {
  pendingRefusals: PendingRefusals
  /** Whether refused requests go to the error handlers of the host, and to no further strategy. */
  passErrors: boolean
}

/**
 * A passport-custom strategy around an async function. passport-custom drops the promise of an async verify, and Passport
 * shares a strategy that is handed to it as an object between requests: so the actions of each request are captured at
 * its start, before anything else happens. A caller that is known at once needs nothing more.
 */
export function createPromiseStrategy<Caller>(
  name: string,
  authenticate: Authenticate<Caller>,
  { pendingRefusals, passErrors }: PromiseStrategyDeps,
): PassportStrategy {
  const custom = new CustomStrategy({ passOptionsToCallback: true }, (req, outcome, done) => {
    Promise.resolve(outcome as Eventual<RouteOutcome<Caller>>)
      .then((awaited) => report(awaited, done, { req, pendingRefusals, passErrors }))
      .catch(done)
      .catch(() => endUnanswered(req))
  })
  return {
    name,
    authenticate(this: PassportStrategy & PassportActions, req: IncomingMessage, options?: unknown) {
      const { success, fail, error } = this // Before authentication, whose listeners may authenticate another request.
      try {
        const outcome = authenticate(req, options)
        if (!isPending(outcome) && outcome.kind === 'granted') {
          pendingRefusals.forget(req)
          return success(outcome.caller)
        }
        const actions = actionsOf({ success, fail, error }, { req, options, pendingRefusals })
        const ofRequest = Object.assign(Object.create(custom), actions)
        Reflect.apply(custom.authenticate, ofRequest, [req, outcome])
      } catch (thrown) {
        error(thrown)
      }
    },
  }
}

/** Passport or a callback of the host threw, twice: neither a hanging request nor an unhandled rejection may be left. */
function endUnanswered({ res }: PassportRequest): void {
  if (res === undefined || res.headersSent) return
  res.writeHead(500, { 'Content-Length': 0 })
  res.end()
}

interface Attempt {
  req: PassportRequest
  options: unknown
  pendingRefusals: PendingRefusals
}

function actionsOf(
  { success, fail, error }: PassportActions,
  { req, options, pendingRefusals }: Attempt,
): PassportActions {
  return {
    success: (user) => {
      pendingRefusals.forget(req)
      success(user)
    },
    error,
    fail: (failure: Failure) => {
      // Passport sends the challenge with 401 only (RFC 6750 §3 wants it with 400 and 403 too).
      if (failure.status !== 401 && failure.challenge !== undefined) {
        setHeaders(req, { 'WWW-Authenticate': failure.challenge })
      }
      pendingRefusals.add(req, failure.event, options)
      try {
        fail(failure.challenge, failure.status)
      } finally {
        pendingRefusals.settle(req)
      }
    },
  }
}

function report<Caller>(
  outcome: RouteOutcome<Caller>,
  done: (error: unknown, user?: unknown, failure?: Failure) => void,
  { req, pendingRefusals, passErrors }: Pick<Attempt, 'req' | 'pendingRefusals'> & { passErrors: boolean },
): void {
  if (outcome.kind === 'granted') {
    done(null, outcome.caller)
    return
  }
  const event = outcome.kind === 'missing' ? outcome.describe() : outcome.event
  const answer = outcome.kind === 'missing' ? missingToken(outcome.challenge) : outcome.answer
  const hostError = findHostError(answer)
  if (passErrors || hostError !== undefined || answer.status >= 500) {
    // An outage is not a failed authentication, and Passport asks no other strategy: the host's error handler gets it, with
    // `status` and `headers`. Not every handler sends the headers.
    pendingRefusals.add(req, event, undefined)
    pendingRefusals.conclude(req)
    setHeaders(req, answer.headers)
    done(hostError ?? answer)
  } else {
    done(null, false, { challenge: answer.headers['WWW-Authenticate'], status: answer.status, event })
  }
}

function setHeaders({ res }: PassportRequest, headers: Readonly<Record<string, string>>): void {
  if (res === undefined || res.headersSent) return
  for (const [name, value] of Object.entries(headers)) res.setHeader(name, value)
}
