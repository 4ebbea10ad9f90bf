import type { IncomingMessage } from 'node:http'
import type { AccessToken } from '../access-token/access-token.js'
import { whenReady } from '../clock/when-ready.js'
import { fieldOf } from '../errors/field-of.js'
import { OptionReader } from '../option-checks/option-reader.js'
import {
  createAuthenticateAccessToken,
  createVerifyForRoute,
  describeCaller,
} from '../protected-route/authenticate-access-token.js'
import { type AuthenticateRequest, createAuthenticateRequest } from '../protected-route/authenticate-request.js'
import { challengedAccess } from '../protected-route/check-required-access.js'
import type { HostRequest } from '../protected-route/host-request.js'
import { type GetToken, readGetToken } from '../protected-route/read-presented-token.js'
import type { RequiredAccess } from '../protected-route/required-access.js'
import { createLoadUser, type LoadedUser, type LoadUser } from './load-user.js'
import { createPromiseStrategy, type PassportStrategy } from './promise-strategy.js'
import { type AccessTokenSource, findAccessTokenSource, withRouteOptions } from './strategies.js'

/**
 * Options of an `AccessTokenStrategy`.
 *
 * @example
 * const options: AccessTokenStrategyOptions = { from: exchange, name: 'jwt' }
 */
export interface AccessTokenStrategyOptions {
  /** The exchange, or the resource server, whose access tokens are accepted. */
  from: { readonly accessTokenStrategy: PassportStrategy }
  /** The name of the strategy. Default: `access-token`. */
  name?: string
  /** As the option of `protect`: finds the token of a request. Default: the token is in the `Authorization` header. */
  getToken?(req: IncomingMessage): string | undefined
  /**
   * Whether a refused request goes to the error handlers as an `OAuthError`, and to no further strategy of an array. A guard of Nest
   * then answers with the right status: without it, each refusal is a 401. Default: false.
   */
  passErrors?: boolean
}

interface StrategySettings {
  source: AccessTokenSource
  name: string
  getToken: GetToken | undefined
  passErrors: boolean
  loadUser: LoadUser | undefined
}

/**
 * A Passport strategy of your own for the access tokens of an exchange, or of a resource server. With a function, it loads the user
 * of a token: this becomes `req.user`, and the token `req.auth`. Without one, `req.user` is the `AccessToken`. It may be extended, as
 * `PassportStrategy(AccessTokenStrategy)` of `@nestjs/passport` does.
 *
 * @example
 * const strategy = new AccessTokenStrategy({ from: exchange }, async (auth) => {
 *   const tenant = await tenants.findByIssuer(auth.issuer)
 *   return tenant ?? false
 * })
 */
export class AccessTokenStrategy implements PassportStrategy {
  name: string
  private readonly routeStrategy: PassportStrategy

  /** @throws ConfigError for an unknown option */
  constructor(options: AccessTokenStrategyOptions, loadUser?: LoadUser) {
    const settings = readOptions(options, loadUser)
    this.name = settings.name
    this.routeStrategy = createRouteStrategy(settings)
  }

  /** Called by Passport on an object that inherits from this one, and has the actions of one request. */
  authenticate(req: IncomingMessage, options?: unknown): void {
    Reflect.apply(this.routeStrategy.authenticate, this, [req, options])
  }
}

function readOptions(options: unknown, loadUser: unknown): StrategySettings {
  const reader = new OptionReader(options, ['AccessTokenStrategy'], 'new AccessTokenStrategy({ from: exchange })')
  const source = findAccessTokenSource(fieldOf(reader.hostObject('from'), 'accessTokenStrategy'))
  if (source === undefined) {
    reader.problem('from', 'an exchange of createJwtExchange, or a resource server', undefined, 'wrong_type')
  }
  if (loadUser !== undefined && typeof loadUser !== 'function') {
    reader.note('wrong_type', undefined, 'the second argument is not a function; write async (auth, req) => user')
  }
  const settings = {
    name: reader.has('name') ? reader.string('name') : 'access-token',
    getToken: readGetToken(reader),
    passErrors: reader.boolean('passErrors', false),
    loadUser: loadUser as LoadUser | undefined,
  }
  reader.refuseUnknown()
  reader.throwProblems()
  return { ...settings, source: source as AccessTokenSource }
}

function createRouteStrategy(settings: StrategySettings): PassportStrategy {
  const { name, source, getToken, passErrors, loadUser } = settings
  const { deps, pendingRefusals } = source
  if (loadUser === undefined) {
    const authenticate = withRouteOptions((access) => createAuthenticateAccessToken(access, deps, getToken))
    return createPromiseStrategy(name, authenticate, { pendingRefusals, passErrors })
  }
  const authenticate = withRouteOptions((access) => createAuthenticateUser(access, loadUser, settings))
  return createPromiseStrategy<unknown>(
    name,
    (req, options) =>
      whenReady(authenticate(req, options), (outcome) => {
        if (outcome.kind !== 'granted') return outcome
        const { accessToken, user } = outcome.caller
        setAuth(req, accessToken)
        return { kind: 'granted', caller: user }
      }),
    { pendingRefusals, passErrors },
  )
}

function createAuthenticateUser(
  access: RequiredAccess,
  loadUser: LoadUser,
  { source, getToken }: StrategySettings,
): AuthenticateRequest<LoadedUser> {
  const { deps } = source
  const verify = createVerifyForRoute(access, deps)
  const load = createLoadUser(loadUser, { ...deps, access }, deps.hostFunctions)
  return createAuthenticateRequest<LoadedUser>({
    ...deps,
    challenged: challengedAccess(access),
    getToken,
    verify: (token, req, requireSyntax) =>
      whenReady(verify(token, req, requireSyntax), (accessToken) => load(accessToken, req)),
    describe: ({ accessToken }) => describeCaller(accessToken),
  })
}

/** `req.user` is the user: `getAuth` finds the token here. */
function setAuth(req: HostRequest & { auth?: AccessToken }, accessToken: AccessToken): void {
  req.auth = accessToken
}
