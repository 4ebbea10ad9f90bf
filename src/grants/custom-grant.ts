import type { Authorization } from '../authorization/authorization.js'
import type { Client } from '../client-auth/client-options.js'
import { fieldOf } from '../errors/field-of.js'
import { DependencyUnavailable, isDependencyUnavailable, isTokenRejected, TokenRejected } from '../errors/rejections.js'
import { areSendable } from '../guarded-fetch/request-headers.js'
import type { HostFunctions } from '../host-functions/host-functions.js'
import { ownMember } from '../jwt/parse-json-object.js'
import { isErrorUri, isOAuthError, OAuthError } from '../oauth/errors.js'
import { isScopeToken } from '../oauth/scope.js'
import { type FormParameters, REPEATABLE_PARAMETERS, type TokenRequest } from '../oauth/token-request.js'
import { type BoundGrantedAccessDeps, boundGrantedAccess, grantFailed } from './bound-granted-access.js'
import type { AuthenticatedClient, GrantedAccess, GrantHandler } from './grant.js'
import type { GrantSettings } from './grant-options.js'
import { type CheckedAccess, readGrantedAccess, toGrantedAccess } from './granted-access.js'

/** RFC 6749 §5.2. */
const NOT_IN_DESCRIPTION = /[^\x20\x21\x23-\x5B\x5D-\x7E]/g

export interface CustomGrantDeps extends BoundGrantedAccessDeps {
  hostFunctions: HostFunctions
  /** As the JWT bearer grant does, with the parameters `scope` and `resource` of the form. */
  authorizeAssertion: (
    assertion: string,
    form: FormParameters,
    client: Client,
    signal: AbortSignal,
  ) => Promise<Authorization>
}

/** A grant of the host, which may hang, throw, or return anything: it never gives more than the client may have. */
export function createCustomGrant(settings: GrantSettings, deps: CustomGrantDeps): GrantHandler {
  const { grantType, repeatableParameters } = settings
  const authorizeInTime = createAuthorizeInTime(settings, deps)
  return {
    grantType,
    repeatableParameters: [...REPEATABLE_PARAMETERS, ...repeatableParameters],
    authorize: async (request, client) => {
      const authorized: Authorization[] = []
      const access = await readAccess(() => authorizeInTime(request, client, authorized))
      return boundGrantedAccess({ access, authorized, request, client }, deps)
    },
  }
}

/** The host's function within the bounds of `hostFunctions`. What is authorized for it is added to `authorized`. */
function createAuthorizeInTime({ grantType, authorize }: GrantSettings, deps: CustomGrantDeps) {
  const call = { function: 'grants', grantType } as const
  return deps.hostFunctions.limit(
    call,
    async (request: TokenRequest, client: Client, authorized: Authorization[], signal: AbortSignal) => {
      const over = new AbortController()
      signal.addEventListener('abort', () => over.abort(signal.reason))
      const calls: Promise<GrantedAccess>[] = []
      const authorizeAssertion = (assertion: string | undefined) => {
        const verification = verifyForGrant(assertion, { request, client, authorized, signal: over.signal }, deps)
        calls.push(verification)
        verification.catch(() => {}) // A grant that does not await it must not end the process.
        return verification
      }
      try {
        const access = await authorize(request, visibleOf(client), { authorizeAssertion, signal })
        await settleAll(calls)
        return access
      } finally {
        over.abort()
      }
    },
  )
}

/** One request of a grant that is still deciding. */
interface GrantCall {
  request: TokenRequest
  client: Client
  authorized: Authorization[]
  /** Aborted when the grant has decided, or nobody waits for it any longer. */
  signal: AbortSignal
}

async function verifyForGrant(
  assertion: string | undefined,
  { request, client, authorized, signal }: GrantCall,
  deps: CustomGrantDeps,
): Promise<GrantedAccess> {
  if (!assertion) throw new OAuthError('invalid_request', 'The assertion is missing')
  signal.throwIfAborted()
  const authorization = await deps.authorizeAssertion(assertion, request, client, signal)
  authorized.push(authorization)
  return toGrantedAccess(authorization)
}

/**
 * Waits for all calls, also for those that begin meanwhile: each counts, even if the grant does not await it.
 *
 * @throws what one of them rejects with, even if the grant ignores it
 */
async function settleAll(calls: readonly Promise<unknown>[]): Promise<void> {
  for (let settled = 0; settled < calls.length; ) {
    settled = calls.length
    await Promise.all(calls)
  }
}

/** Not the digest of its secret. */
function visibleOf({ clientId, scopes }: Client): AuthenticatedClient {
  return { clientId, scopes: [...scopes] }
}

/** @throws OAuthError, TokenRejected, DependencyUnavailable */
async function readAccess(authorize: () => unknown): Promise<CheckedAccess> {
  try {
    return readGrantedAccess(await authorize())
  } catch (thrown) {
    throw asOurs(thrown)
  }
}

/** A copy, because requests add to the error, and a grant may throw the same one for each of them. */
function asOurs(thrown: unknown): OAuthError | TokenRejected | DependencyUnavailable {
  if (!isScopeToken(fieldOf(thrown, 'reason'))) return grantFailed(thrown) // Errors of other libraries have the same names.
  if (isDependencyUnavailable(thrown)) {
    const { reason, retryAfter, cause, context } = thrown
    return Object.assign(new DependencyUnavailable(reason, { retryAfter, cause }), { context: { ...context } })
  }
  if (isTokenRejected(thrown))
    return Object.assign(new TokenRejected(thrown.reason), { context: { ...thrown.context } })
  if (!isOAuthError(thrown) || !isUsable(thrown)) return grantFailed(thrown)
  const { code, message, status, headers, reason, context } = thrown
  const uri = ownMember(thrown, 'uri')
  const refusal = new OAuthError(code, message.replace(NOT_IN_DESCRIPTION, ' '), {
    ...{ status, headers, reason },
    ...(isErrorUri(uri) && { uri }),
  })
  return Object.assign(refusal, { context: { ...context } })
}

/** Whether it can be sent: an error of another library has the same name, and no such fields. */
function isUsable({ code, message, status, headers }: OAuthError): boolean {
  const isStatus = Number.isInteger(status) && status >= 400 && status < 600
  return isScopeToken(code) && typeof message === 'string' && isStatus && areSendable(headers)
}
