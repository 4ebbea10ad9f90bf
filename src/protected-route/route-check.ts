import type { AccessToken } from '../access-token/access-token.js'
import { type Eventual, isPending } from '../clock/when-ready.js'
import { printable } from '../errors/printable.js'
import { DependencyUnavailable } from '../errors/rejections.js'
import { type HostFunctions, isHostFunctionRefusal, limitAsConfigured } from '../host-functions/host-functions.js'
import { describeAccess, notAllowed, type RouteAccess } from './check-required-access.js'
import type { HostRequest } from './host-request.js'
import type { CheckAccess } from './required-access.js'

/** Asks the check of a route about an access token. One that answers at once needs no promise. */
export type AskCheck = (accessToken: AccessToken, req: HostRequest) => Eventual<AccessToken>

/**
 * @returns a function that throws, or rejects with, an OAuthError 403, or a DependencyUnavailable `policy_check_failed`,
 *   `host_function_timed_out` or `host_function_limit_reached`
 */
export function createAskCheck(check: CheckAccess, route: RouteAccess, hostFunctions: () => HostFunctions): AskCheck {
  const ask = limitAsConfigured({ function: 'route.check' }, check, hostFunctions)
  return (accessToken, req) => {
    const conclude = (verdict: unknown) => acceptIfTrue(verdict, accessToken, route)
    let verdict: unknown
    try {
      verdict = ask(accessToken, req)
    } catch (cause) {
      throw checkFailed(cause, accessToken, route)
    }
    if (!isPending(verdict)) return conclude(verdict)
    return verdict.then(conclude, (cause) => {
      throw checkFailed(cause, accessToken, route)
    })
  }
}

/** What a request with a valid token is answered with if a function of the host that judges it throws. */
export function checkFailed(cause: unknown, accessToken: AccessToken, { access }: RouteAccess): DependencyUnavailable {
  const outage = isHostFunctionRefusal(cause) ? cause : new DependencyUnavailable('policy_check_failed', { cause })
  outage.context = { ...describeAccess(accessToken, access), ...outage.context }
  return outage
}

function acceptIfTrue(verdict: unknown, accessToken: AccessToken, route: RouteAccess): AccessToken {
  if (verdict === true) return accessToken
  const context = typeof verdict === 'string' && verdict !== '' ? { message: printable(verdict) } : {}
  throw notAllowed('refused_by_check', context, accessToken, route)
}
