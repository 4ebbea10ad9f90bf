import type { Eventual } from '../clock/when-ready.js'
import { TokenRejected } from '../errors/rejections.js'
import { checkEnabled, type IdentityProvider } from '../identity-provider/identity-provider.js'
import {
  checkAudience,
  checkIssuedAt,
  checkNoConfirmation,
  checkNoDelegation,
  checkTokenKind,
  readBoundedExpiry,
  readNotBefore,
  readStringClaim,
  readSubject,
} from '../jwt/check-claims.js'
import { normaliseType, type UnverifiedJwt } from '../jwt/parse-jwt.js'

/** An assertion as somebody presents it: all that a check sees. */
export interface PresentedAssertion {
  jwt: UnverifiedJwt
  /** The identity provider whose name is `iss` (RFC 7523 §3, 1). */
  identityProvider: IdentityProvider
  /** The client that presents it; undefined if callers are not clients, as at the assertion strategy. */
  client: { readonly clientId: string } | undefined
  /** Our own issuer. */
  issuer: string
  /** Seconds since the epoch. */
  now: number
}

/** One rule that an assertion must satisfy. */
export interface AssertionCheck {
  name: AssertionCheckName
  /**
   * @throws TokenRejected, or rejects with it
   * @throws DependencyUnavailable, or rejects with it
   */
  check(presented: PresentedAssertion): Eventual<void>
}

/** What the checks are about. `explain` has a step for each. */
export type AssertionCheckName =
  | ('enabled' | 'size' | 'alg' | 'typ')
  | 'signature'
  | ('sub' | 'aud' | 'exp' | 'nbf' | 'iat' | 'jti' | 'kind' | 'cnf' | 'act')

/** The checks of one kind of token, each in its order: by what a header says, and once the signature is verified. */
export interface TokenChecks {
  beforeSignature: readonly AssertionCheck[]
  afterSignature: readonly AssertionCheck[]
}

/**
 * What assertions must satisfy: RFC 7523 §3, rules 2 to 7, and claims that mark another kind of token. The limits of the
 * identity provider make the checks as strict as its profile says.
 */
export const ASSERTION_CHECKS: TokenChecks = {
  /** In this order. The header never decides. */
  beforeSignature: [
    { name: 'enabled', check: ({ identityProvider }) => checkEnabled(identityProvider) },
    { name: 'size', check: checkSize },
    { name: 'alg', check: checkAlgorithm },
    { name: 'typ', check: checkType },
  ],
  /** In this order, once the signature is verified. */
  afterSignature: [
    { name: 'sub', check: ({ jwt }) => void readSubject(jwt.payload) },
    {
      name: 'aud',
      check: ({ jwt, identityProvider: { audiences, limits } }) =>
        checkAudience(jwt.payload, audiences, limits.soleAudience),
    },
    {
      name: 'exp',
      check: ({ jwt, identityProvider: { limits }, now }) => void readBoundedExpiry(jwt.payload, now, limits),
    },
    {
      name: 'nbf',
      check: ({ jwt, identityProvider: { limits }, now }) =>
        void readNotBefore(jwt.payload, now, limits.clockTolerance),
    },
    {
      name: 'iat',
      check: ({ jwt, identityProvider: { limits }, now }) => checkIssuedAt(jwt.payload, now, limits),
    },
    { name: 'jti', check: checkJwtId },
    { name: 'kind', check: ({ jwt }) => checkTokenKind(jwt.payload) },
    { name: 'cnf', check: ({ jwt }) => checkNoConfirmation(jwt.payload) },
    { name: 'act', check: ({ jwt }) => checkNoDelegation(jwt.payload) },
  ],
}

function checkSize({ jwt, identityProvider: { limits } }: PresentedAssertion): void {
  if (jwt.compact.length > limits.maxBytes) throw new TokenRejected('too_large')
}

function checkAlgorithm({ jwt: { header }, identityProvider: { limits } }: PresentedAssertion): void {
  if (!limits.algorithms.has(header.alg)) throw new TokenRejected('algorithm_not_allowed')
}

function checkType({ jwt: { header }, identityProvider: { types } }: PresentedAssertion): void {
  if (header.typ !== undefined && !types.has(normaliseType(header.typ))) throw new TokenRejected('type_not_allowed')
}

function checkJwtId({ jwt: { payload }, identityProvider: { limits } }: PresentedAssertion): void {
  if (limits.requireJti || Object.hasOwn(payload, 'jti')) readStringClaim(payload, 'jti', 'invalid_jwt_id')
}
