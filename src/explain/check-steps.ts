import {
  ASSERTION_CHECKS,
  type AssertionCheckName,
  type PresentedAssertion,
  type TokenChecks,
} from '../assertion/assertion-profile.js'
import { checkAssertion, SIGNATURE } from '../assertion/verify-assertion.js'
import type { Clock } from '../clock/clock.js'
import type { ReasonCode } from '../errors/reason-codes.js'
import { findOtherKind, type OtherKind } from '../jwt/check-claims.js'
import { ownMember } from '../jwt/parse-json-object.js'
import type { UnverifiedJwt } from '../jwt/parse-jwt.js'
import type { KeySourceStats, VerificationKeySource } from '../verification-keys/key-source.js'
import type { Explainer, StepTexts } from './explanation.js'
import { describeFetchFailure, hintOfBadSignature, hintOfSignatureForm, hintOfUnknownKey } from './key-hints.js'
import {
  hintOfAlgorithm,
  hintOfAudience,
  hintOfDate,
  hintOfIssuedAt,
  hintOfJwtId,
  hintOfText,
  hintOfType,
} from './token-hints.js'
import { describeClaim, describeDate } from './wording.js'

/** The texts of checks. */
export type CheckDescriptions = Readonly<Record<AssertionCheckName, (presented: PresentedAssertion) => StepTexts>>

const DESCRIPTIONS: CheckDescriptions = {
  enabled: ({ identityProvider: { trust } }) => ({
    expected: 'the identity provider is switched on',
    found: trust.isOn ? 'on' : 'off',
    hint: () => 'it was switched off by enabled: false (enabled = false), or at run time',
  }),
  size: ({ jwt, identityProvider: { limits } }) => ({
    expected: `at most ${limits.maxBytes} bytes`,
    found: `${jwt.compact.length} bytes`,
  }),
  alg: ({ jwt, identityProvider: { limits } }) => ({
    expected: `one of ${[...limits.algorithms].join(', ')}`,
    found: jwt.header.alg,
    hint: () => hintOfAlgorithm(jwt.header.alg),
  }),
  typ: ({ jwt, identityProvider: { types } }) => ({
    expected: `none, or one of ${[...types].join(', ')}`,
    found: jwt.header.typ ?? 'none',
    hint: () => hintOfType(jwt.header.typ ?? ''),
  }),
  signature: ({ jwt, identityProvider: { keySource } }) => ({
    expected: 'a signature by a key of the identity provider',
    found: jwt.header.kid === undefined ? 'no kid' : `kid ${jwt.header.kid}`,
    hint: (reason) => HINTS_OF_SIGNATURES[reason]?.(jwt, keySource),
  }),
  sub: (presented) => ({
    expected: 'a non-empty string without invisible characters, and without white space around it',
    found: describeClaim(claimOf(presented, 'sub')),
    hint: () => hintOfText('sub', claimOf(presented, 'sub')),
  }),
  aud: ({ jwt, identityProvider: { audiences, limits }, client }) => ({
    expected: `${limits.soleAudience ? 'only ' : ''}${[...audiences].join(' or ')}`,
    found: describeClaim(ownMember(jwt.payload, 'aud')),
    hint: (reason) => hintOfAudience(reason, jwt.payload, audiences, client?.clientId),
  }),
  exp: (presented) => ({
    ...datesOf(presented, 'exp'),
    expected: `a date at most ${limitsOf(presented).maxLifetime} s ahead, or ${limitsOf(presented).clockTolerance} s ago`,
  }),
  nbf: (presented) => ({
    ...datesOf(presented, 'nbf'),
    expected: `none, or a date at most ${limitsOf(presented).clockTolerance} s ahead`,
  }),
  iat: (presented) => ({
    ...datesOf(presented, 'iat'),
    expected: expectedIssuedAt(presented),
    hint: (reason) => hintOfIssuedAt(reason, claimOf(presented, 'iat'), presented.now),
  }),
  jti: (presented) => ({
    expected: `${limitsOf(presented).requireJti ? '' : 'none, or '}a non-empty string`,
    found: describeClaim(claimOf(presented, 'jti')),
    hint: () => hintOfJwtId(claimOf(presented, 'jti')),
  }),
  kind: ({ jwt }) => ({
    expected: 'an assertion, not another kind of token',
    ...textsOfKind(findOtherKind(jwt.payload)),
  }),
  cnf: (presented) => ({
    expected: 'none',
    found: describeClaim(claimOf(presented, 'cnf')),
    hint: () => 'the assertion is bound to a key, but proofs of that key are not supported: get one that is not bound',
  }),
  act: (presented) => ({
    expected: 'none',
    found: describeClaim(claimOf(presented, 'act')),
    hint: () =>
      'somebody else acts for the subject, and access tokens cannot express that: get an assertion without act',
  }),
}

/** How the checks of another kind of token than an assertion are explained. */
export interface OtherChecks {
  checks: TokenChecks
  /** The texts of the checks that differ. */
  descriptions: Partial<CheckDescriptions>
}

/** All checks of an assertion, in their order. The claims are checked even if the signature is bad. */
export async function takeCheckSteps(
  explainer: Explainer,
  presented: Omit<PresentedAssertion, 'now'>,
  clock: Pick<Clock, 'now'>,
  { checks, descriptions }: OtherChecks = { checks: ASSERTION_CHECKS, descriptions: {} },
): Promise<void> {
  const texts = { ...DESCRIPTIONS, ...descriptions }
  await checkAssertion(presented, {
    clock,
    checks,
    signature: SIGNATURE,
    run: async ({ name, check }, each) => {
      // A key of another algorithm is not looked for: the answer would be about that.
      const isSkipped = name === 'signature' && explainer.hasFailed(['enabled', 'alg'])
      await explainer.take(name, { ...texts[name](each), isSkipped }, () => check(each))
    },
  })
}

function claimOf({ jwt }: PresentedAssertion, name: string): unknown {
  return ownMember(jwt.payload, name)
}

function limitsOf({ identityProvider }: PresentedAssertion) {
  return identityProvider.limits
}

function datesOf(presented: PresentedAssertion, name: string): Pick<StepTexts, 'found' | 'hint'> {
  const date = claimOf(presented, name)
  return {
    found: describeDate(date, presented.now),
    hint: (reason) => hintOfDate(reason, date, presented.now),
  }
}

function expectedIssuedAt(presented: PresentedAssertion): string {
  const { requireIat, clockTolerance, maxAge } = limitsOf(presented)
  return `${requireIat ? '' : 'none, or '}a date at most ${clockTolerance} s ahead, or ${maxAge + clockTolerance} s ago`
}

/** What each kind of token is, and what to send instead. */
const KINDS: Readonly<Record<OtherKind['kind'], { name: string; hint: string }>> = {
  security_event: {
    name: 'a logout token or a security event',
    hint: 'it reports an event: send a token that the identity provider issues for this service',
  },
  id_token: {
    name: 'an ID token of a login',
    hint: 'it is for the client that the user logs in to: configure the identity provider to issue a token for this service, with the alias as aud and without nonce',
  },
  dpop_proof: {
    name: 'a DPoP proof',
    hint: 'send the token that the proof belongs to',
  },
  introspection_response: {
    name: 'an introspection response',
    hint: 'send the token that was introspected',
  },
  refresh_token: {
    name: 'a refresh token',
    hint: 'it is for the identity provider only: send a token that was obtained with it',
  },
}

/** What other kind of token it is, if its claims say so. */
export function textsOfKind(other: OtherKind | undefined): Pick<StepTexts, 'found' | 'hint'> {
  if (other === undefined) return { found: 'nothing that marks another kind' }
  const { name, hint } = KINDS[other.kind]
  return { found: `${name} (${other.members.join(', ')})`, hint: () => hint }
}

type HintOfSignature = (jwt: UnverifiedJwt, keySource: VerificationKeySource) => string

const HINTS_OF_SIGNATURES: Partial<Readonly<Record<ReasonCode, HintOfSignature>>> = {
  unknown_key: ({ header }, keySource) => hintOfUnknownKey(header, keySource),
  bad_signature: (jwt, keySource) => hintOfSignatureForm(jwt) ?? hintOfBadSignature(jwt.header, keySource),
  jwks_unavailable: (_, keySource) => hintOfUnavailable(keySource.stats()),
}

function hintOfUnavailable({ lastFailure }: KeySourceStats): string {
  return lastFailure === undefined ? 'the key set did not arrive in time: try again' : describeFetchFailure(lastFailure)
}
