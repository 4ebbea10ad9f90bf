import type { IncomingMessage, ServerResponse } from 'node:http'
import { settleInTime, type Timers } from '../clock/timers.js'
import { fieldOf } from '../errors/field-of.js'
import { printable } from '../errors/printable.js'
import { AdminProblem, unavailable } from './problem.js'

/** The option `authorize`: a function of the request, or a middleware. */
export type Authorize = (req: IncomingMessage, res: ServerResponse, next: (error?: unknown) => void) => unknown

export interface AuthorizeDeps {
  authorize: Authorize
  /** Milliseconds. */
  timeout: number
  timers: Timers
}

/** Somebody who may use the admin API. */
export interface Administrator {
  /** As the event names the person; undefined if `authorize` gave no name. */
  name: string | undefined
}

/** The number of parameters that makes a function a middleware. */
const PARAMETERS_OF_MIDDLEWARE = 3

/**
 * Asks `authorize`. Only `true`, a name, or a call of `next` without an argument lets a request pass.
 *
 * @returns undefined if a middleware has answered by itself
 * @throws AdminProblem 401 or 403 if access is refused; 503 if it fails, or does not answer in time
 */
export async function authorizeRequest(
  req: IncomingMessage,
  res: ServerResponse,
  { authorize, timeout, timers }: AuthorizeDeps,
): Promise<Administrator | undefined> {
  const isMiddleware = authorize.length >= PARAMETERS_OF_MIDDLEWARE
  const asking = isMiddleware ? askMiddleware(req, res, authorize) : askFunction(req, authorize)
  return settleInTime(asking, timeout, timers, () => unavailable('The function `authorize` did not answer in time.'))
}

async function askFunction(req: IncomingMessage, authorize: Authorize): Promise<Administrator> {
  let verdict: unknown
  try {
    verdict = await Reflect.apply(authorize, undefined, [req])
  } catch {
    throw failed()
  }
  if (verdict === true) return { name: undefined }
  if (typeof verdict === 'string' && verdict.trim() !== '') return { name: printable(verdict.trim()) }
  throw refused()
}

/** Settles once: what a middleware does after that has no effect. */
function askMiddleware(
  req: IncomingMessage,
  res: ServerResponse,
  authorize: Authorize,
): Promise<Administrator | undefined> {
  return new Promise((resolve, reject) => {
    const next = (error?: unknown) => {
      if (error !== undefined && error !== null) reject(refusalFor(error))
      else resolve(res.headersSent ? undefined : { name: undefined })
    }
    res.once('close', () => resolve(undefined))
    res.once('finish', () => resolve(undefined))
    const asking = async (): Promise<unknown> => authorize(req, res, next)
    asking().catch(() => reject(failed()))
  })
}

/** For what a middleware passes on: `router` and `route` mean that the request is for somebody else. */
function refusalFor(error: unknown): AdminProblem {
  if (error === 'route' || error === 'router') return refused()
  const status = fieldOf(error, 'status') ?? fieldOf(error, 'statusCode')
  if (status === 401)
    return new AdminProblem('not-authenticated', 'Sign in, and repeat the request.', challengeOf(error))
  return status === 403 ? refused() : failed()
}

function challengeOf(error: unknown): { headers?: Readonly<Record<string, string>> } {
  const challenge = fieldOf(fieldOf(error, 'headers'), 'WWW-Authenticate')
  const isHeader = typeof challenge === 'string' && /^[\x20-\x7E]+$/.test(challenge)
  return isHeader ? { headers: { 'WWW-Authenticate': challenge } } : {}
}

function refused(): AdminProblem {
  return new AdminProblem('not-authorized', 'The function `authorize` refuses this request.')
}

function failed(): AdminProblem {
  return unavailable('The function `authorize` failed.')
}
