import type { IncomingMessage } from 'node:http'
import type { AccessToken } from '../access-token/access-token.js'
import { fieldOf } from '../errors/field-of.js'
import { type HostFunctions, limitAsConfigured } from '../host-functions/host-functions.js'
import { isOAuthError, OAuthError } from '../oauth/errors.js'
import { INVALID_TOKEN } from '../protected-route/challenge.js'
import { challengedAccess, describeAccess, type RouteAccess } from '../protected-route/check-required-access.js'
import type { HostRequest } from '../protected-route/host-request.js'
import type { RequiredAccess } from '../protected-route/required-access.js'
import { checkFailed } from '../protected-route/route-check.js'

/** Called by a verify callback instead of returning the user: an error, or the user, or false for none. */
export type UserLoaded = (error: unknown, user?: unknown) => void

/**
 * Loads the user of an access token, which becomes `req.user`. It returns the user or a promise of it, or with a third parameter
 * calls `done`, as other strategies have it. Without a user, the request is answered with 401. If it throws or rejects, the
 * answer is 503 (`policy_check_failed`); an `OAuthError`, or an HTTP exception of Nest with a 4xx status, is the answer itself.
 *
 * @example
 * const verify: LoadUser = async (auth) => (await tenants.findByIssuer(auth.issuer)) ?? false
 */
export type LoadUser = AnyRequest['loadUser']

/** A method, so that the request may have the type of the framework. */
interface AnyRequest {
  loadUser(auth: AccessToken, req: IncomingMessage, done: UserLoaded): unknown
}

/** An access token with the user that the host has for it. */
export interface LoadedUser {
  accessToken: AccessToken
  user: unknown
}

/** Errors of the host that are the answer themselves, by the refusals that stand for them in events. */
const hostErrors = new WeakMap<OAuthError, unknown>()

/** The error of the host that a refusal stands for; undefined if it is a refusal of ours. */
export function findHostError(refusal: OAuthError): unknown {
  return hostErrors.get(refusal)
}

export function createLoadUser(
  verify: LoadUser,
  route: RouteAccess,
  hostFunctions: () => HostFunctions,
): (accessToken: AccessToken, req: HostRequest) => Promise<LoadedUser> {
  const load = limitAsConfigured<[AccessToken, HostRequest], Promise<unknown>>(
    { function: 'strategy.verify' },
    (accessToken, req) => callVerify(verify, accessToken, req),
    hostFunctions,
  )
  return async (accessToken, req) => {
    let user: unknown
    try {
      user = await load(accessToken, req)
    } catch (cause) {
      throw refusalFor(cause, accessToken, route)
    }
    if (!user) throw noUser(401, accessToken, route)
    return { accessToken, user }
  }
}

/** `done` counts if it is called first. A function without it that returns nothing has no user. */
function callVerify(verify: LoadUser, accessToken: AccessToken, req: HostRequest): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const done: UserLoaded = (error, user) => (error ? reject(error) : resolve(user))
    const returned = Promise.resolve(verify(accessToken, req, done))
    const isCallback = verify.length >= 3
    returned.then((user) => isCallback || resolve(user), reject)
  })
}

function refusalFor(cause: unknown, accessToken: AccessToken, route: RouteAccess): unknown {
  if (isOAuthError(cause)) return withContext(cause, accessToken, route.access)
  const status = fieldOf(cause, 'status')
  if (!isMeantForClient(cause) || typeof status !== 'number' || status < 400 || status > 499)
    return checkFailed(cause, accessToken, route)
  const refusal = noUser(status, accessToken, route)
  hostErrors.set(refusal, cause)
  return refusal
}

/** Exceptions of Nest, and of http-errors. The status of another error may be the one of a request that the host has sent. */
function isMeantForClient(error: unknown): boolean {
  return typeof fieldOf(error, 'getStatus') === 'function' || fieldOf(error, 'expose') === true
}

function noUser(status: number, accessToken: AccessToken, { access, challenge }: RouteAccess): OAuthError {
  const details = { status, reason: 'refused_by_check' } as const
  const refusal =
    status === 401
      ? challenge.error('invalid_token', INVALID_TOKEN, details.reason, challengedAccess(access))
      : new OAuthError('invalid_token', INVALID_TOKEN, details)
  return withContext(refusal, accessToken, access)
}

function withContext(refusal: OAuthError, accessToken: AccessToken, access: RequiredAccess): OAuthError {
  refusal.context = { ...describeAccess(accessToken, access), ...refusal.context }
  return refusal
}
