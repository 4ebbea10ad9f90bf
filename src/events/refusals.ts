import type { ReasonCode } from '../errors/reason-codes.js'
import type { GrantContext, ScopeContext, TokenContext } from '../errors/rejections.js'

/** The members of both kinds of refusal. */
export interface DecisionRefused extends TokenContext {
  /** A stable code: see docs/errors.md. */
  reason: ReasonCode
  /** The OAuth error code that the client received. Absent if a route got no token. */
  error?: string
  status: number
  /** The `error_description` that the client received. Absent if a route got no token. */
  description?: string
  /** Name and code of the underlying fault, if a dependency failed. The message is left out, because it may hold a secret. */
  cause?: string
}

/** What every refused request has. */
export interface RequestRefused extends DecisionRefused {
  /** The HTTP method. */
  method: string
  /** The address of the caller: Express's `req.ip`. It may be personal data. */
  remoteAddress: string
}

/** A refusal by the token endpoint. */
export interface TokenRequestRefused extends RequestRefused, GrantContext {
  /**
   * The path of the request, without its query. A segment is `(withheld)` if it may be a token, a secret or an id: it is shown
   * with at most 8 letters and digits, or with at most 32 lower-case letters. Each may contain `.`, `_`, `~` and `-`.
   */
  path: string
}

/** A refusal by a protected route. It has the scopes if a scope is missing. */
export interface AccessDenied extends RequestRefused, ScopeContext {
  /**
   * The route's path as declared, with the path of its mount point. Outside a declared route, the path of the request. Both
   * paths are as `path` in `token.rejected`.
   */
  route: string
}
