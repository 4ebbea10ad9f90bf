import type { IncomingMessage } from 'node:http'
import type { AccessToken } from '../access-token/access-token.js'
import { isScopeToken, parseScope } from '../oauth/scope.js'
import { OptionReader } from '../option-checks/option-reader.js'
import { type ClaimCondition, type ClaimConditionOption, readClaimConditions } from '../policy/claim-condition.js'
import { readSubjectTest } from '../policy/policy-options.js'

/** Scopes of a route: an array, or a space-separated string. */
export type RequiredScope = string | readonly string[]

/**
 * Which access tokens a route accepts. They are options of `protect` and of `passport.authenticate`. A token must meet all of
 * them.
 *
 * @example
 * const access: RequiredAccessOptions = {
 *   scope: 'orders:read',
 *   requiredClaims: { department: ['sales', 'support'] },
 *   allowedSubjects: ['service-*'],
 * }
 */
export interface RequiredAccessOptions {
  /** The scopes that a token must have, all of them: an array, or a space-separated string. Default: none. */
  scope?: RequiredScope
  /** Scopes of which a token must have at least one: an array, or a space-separated string. Default: none. */
  anyScope?: RequiredScope
  /**
   * Conditions on the claims of the token, 1 or more, by their paths; all must match. They are as in `requiredClaims` of an
   * identity provider: see docs/policy.md. Default: no condition.
   */
  requiredClaims?: Readonly<Record<string, ClaimConditionOption>>
  /**
   * The accepted `sub`s, 1 or more of 1 to 1024 characters. Each is compared exactly; with `*` in it, it is a pattern, in which
   * `*` matches any run of characters. Default: all, which is also `'any'`.
   */
  allowedSubjects?: readonly string[] | 'any'
  /**
   * The resource that the token must be for: its `aud` must contain it (RFC 8707). Host and scheme may be in any case, and a
   * slash at the root may be left out. Default: the default resource; without the option `resources`, any audience of this
   * service.
   */
  resource?: string
  /**
   * Who must have issued the token, 1 or more: the `iss` of the token, or the `id` (by default the `name`) of the identity
   * provider that it comes from. Default: everybody whose access tokens are accepted.
   */
  issuers?: readonly string[]
  /**
   * A rule in code, asked after all others; it may return a promise. `true` accepts. Anything else refuses with 403. A string is the
   * reason, which appears in the event, never in the answer to the client. If it throws or rejects, or does not answer within
   * `hostFunctions.timeout`, which aborts the signal, the request is answered with 503. Default: none.
   */
  check?(auth: AccessToken, req: IncomingMessage, signal: AbortSignal): boolean | string | Promise<boolean | string>
}

/** The option `check`. */
export type CheckAccess = NonNullable<RequiredAccessOptions['check']>

/** The options, read. */
export interface RequiredAccess {
  /** All of these. */
  scopes: readonly string[]
  /** At least one of these, if there are any. */
  anyScope: readonly string[]
  requiredClaims: readonly ClaimCondition[]
  acceptsSubject: ((sub: string) => boolean) | undefined
  resource: string | undefined
  issuers: ReadonlySet<string> | undefined
  check: CheckAccess | undefined
}

/** What every valid token has. */
export const ANY_ACCESS: RequiredAccess = {
  scopes: [],
  anyScope: [],
  requiredClaims: [],
  acceptsSubject: undefined,
  resource: undefined,
  issuers: undefined,
  check: undefined,
}

const SCOPES = 'at least one scope token (RFC 6749 §3.3), in an array or a space-separated string'
const RESOURCE = 'an `aud` of access tokens, such as https://api.example.com'
const ISSUER = 'the `iss` of an access token, or the id of an identity provider'
const CLAIMS = { singleAsArray: false }

/**
 * A reader of the options of a route. Everything that could be a mistake is refused, because an option that is overlooked would
 * leave the route open.
 *
 * @param calledAs the function that was given the options
 */
export function createRouteOptionReader(options: unknown, calledAs: string): OptionReader {
  return new OptionReader(options, [calledAs], `${calledAs}({ scope: 'orders:read' })`)
}

/** @throws ConfigError with all problems that the reader has found */
export function refuseOtherOptions(reader: OptionReader): void {
  reader.refuseUnknown(() => 'docs/routes.md lists the options of routes')
  reader.throwProblems()
}

export function readRequiredAccess(reader: OptionReader): RequiredAccess {
  return {
    scopes: readScopes(reader, 'scope'),
    anyScope: readScopes(reader, 'anyScope'),
    requiredClaims: reader.isNamed('requiredClaims') ? readClaimConditions(reader, 'requiredClaims', CLAIMS) : [],
    acceptsSubject: readSubjectTest(reader),
    resource: reader.isNamed('resource') ? reader.string('resource', RESOURCE) : undefined,
    issuers: reader.isNamed('issuers') ? new Set(reader.someStrings('issuers', ISSUER)) : undefined,
    check: readCheckAccess(reader),
  }
}

function readScopes(reader: OptionReader, key: 'scope' | 'anyScope'): readonly string[] {
  if (!reader.isNamed(key)) return []
  const scope = reader.value(key)
  // A copy: what the host does with its array later must not change what the route requires.
  const scopes = typeof scope === 'string' ? parseScope(scope) : Array.isArray(scope) ? [...scope] : []
  if (scopes !== undefined && scopes.length > 0 && scopes.every(isScopeToken)) return scopes
  reader.problem(key, SCOPES)
  return []
}

/** The option `check`; undefined: there is none. */
function readCheckAccess(reader: OptionReader): CheckAccess | undefined {
  if (!reader.isNamed('check')) return undefined
  const check = reader.hostObject('check')
  if (typeof check === 'function') return check as CheckAccess
  reader.problem(
    'check',
    'a function that gets the token and the request and returns true or a reason',
    undefined,
    'wrong_type',
  )
  return undefined
}
