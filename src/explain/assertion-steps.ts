import { CHECKS_BEFORE_SIGNATURE, CHECKS_OF_CLAIMS } from '../assertion/assertion-checks.js'
import type { IdentityProvider } from '../identity-provider/identity-provider.js'
import { findOtherKind } from '../jwt/check-claims.js'
import { ownMember } from '../jwt/parse-json-object.js'
import type { UnverifiedJwt } from '../jwt/parse-jwt.js'
import type { KeySourceStats } from '../verification-keys/key-source.js'
import { verifySignature } from '../verification-keys/verify-signature.js'
import type { Explainer, StepTexts } from './explanation.js'
import { describeDate } from './explanation.js'
import { hintOfAlgorithm, hintOfAudience, hintOfClock, hintOfNoDate, hintOfText, hintOfType } from './hints.js'
import { describeFetchFailure, hintOfBadSignature, hintOfSignatureForm, hintOfUnknownKey } from './key-hints.js'

/** What the steps of one assertion are about. */
export interface AssertionInQuestion {
  jwt: UnverifiedJwt
  identityProvider: IdentityProvider
  /** Seconds since the epoch. */
  now: number
  clientId: string | undefined
}

const NO_IAT =
  'configure the identity provider to include iat, or set requireIat (require_iat) to false: then nothing says how old it is'

type Describe = (question: AssertionInQuestion) => StepTexts

const DESCRIBE_BEFORE_SIGNATURE: Readonly<Record<keyof typeof CHECKS_BEFORE_SIGNATURE, Describe>> = {
  enabled: ({ identityProvider: { trust } }) => ({
    expected: 'the identity provider is switched on',
    found: trust.isOn ? 'on' : 'off',
    hint: () => 'by enabled: false (enabled = false), or at run time',
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
}

const DESCRIBE_CLAIMS: Readonly<Record<keyof typeof CHECKS_OF_CLAIMS, Describe>> = {
  sub: ({ jwt }) => ({
    expected: 'a non-empty string without invisible characters, and without white space around it',
    found: shown(ownMember(jwt.payload, 'sub')),
    hint: () => hintOfText('sub', ownMember(jwt.payload, 'sub')),
  }),
  aud: ({ jwt, identityProvider: { audiences }, clientId }) => ({
    expected: [...audiences].join(' or '),
    found: shown(ownMember(jwt.payload, 'aud')),
    hint: (reason) => hintOfAudience(reason, jwt.payload, audiences, clientId),
  }),
  exp: ({ jwt, identityProvider: { limits }, now }) => ({
    expected: `a date at most ${limits.maxLifetime} s ahead, and ${limits.clockTolerance} s past`,
    found: describeDate(ownMember(jwt.payload, 'exp'), now),
    hint: (reason) => hintOfDate(reason, ownMember(jwt.payload, 'exp'), now),
  }),
  nbf: ({ jwt, identityProvider: { limits }, now }) => ({
    expected: `none, or a date at most ${limits.clockTolerance} s ahead`,
    found: describeDate(ownMember(jwt.payload, 'nbf'), now),
    hint: (reason) => hintOfDate(reason, ownMember(jwt.payload, 'nbf'), now),
  }),
  iat: ({ jwt, identityProvider: { limits }, now }) => ({
    expected: `${limits.requireIat ? '' : 'none, or '}a date at most ${limits.clockTolerance} s ahead, and ${limits.maxAge + limits.clockTolerance} s past`,
    found: describeDate(ownMember(jwt.payload, 'iat'), now),
    hint: (reason) =>
      ownMember(jwt.payload, 'iat') === undefined ? NO_IAT : hintOfDate(reason, ownMember(jwt.payload, 'iat'), now),
  }),
  jti: ({ jwt }) => ({
    expected: 'none, or a non-empty string',
    found: shown(ownMember(jwt.payload, 'jti')),
    hint: () => hintOfText('jti', ownMember(jwt.payload, 'jti')),
  }),
  kind: ({ jwt }) => ({
    expected: 'an assertion, not another kind of token',
    found: findOtherKind(jwt.payload) ?? 'nothing that marks another kind',
    hint: () => 'send a token that the identity provider issues for this service, and not one for something else',
  }),
  cnf: ({ jwt }) => ({
    expected: 'none',
    found: shown(ownMember(jwt.payload, 'cnf')),
    hint: () => 'the assertion is bound to a key, but proofs of that key are not supported: get one that is not bound',
  }),
  act: ({ jwt }) => ({
    expected: 'none',
    found: shown(ownMember(jwt.payload, 'act')),
    hint: () =>
      'somebody acts for the subject, and access tokens cannot express that: get an assertion without delegation',
  }),
}

const HINTS_OF_DATES: Readonly<Record<string, (seconds: number) => string>> = {
  expired: (seconds) => hintOfClock(seconds, 'get a fresh one'),
  not_yet_valid: (seconds) => hintOfClock(seconds, 'it is for later'),
  issued_in_future: (seconds) => `a clock is off by ${Math.ceil(seconds)} s`,
  too_old: () => 'get a fresh one, or raise maxAge (max_age)',
  lifetime_too_long: () => 'shorten it at the identity provider, or raise maxLifetime (max_lifetime)',
}

function hintOfDate(reason: string, date: unknown, now: number): string {
  return HINTS_OF_DATES[reason]?.(Math.abs(Number(date) - now)) ?? hintOfNoDate(date)
}

/** All rules for assertions of this identity provider; of claims also where the signature is not good. */
export async function takeAssertionSteps(explainer: Explainer, question: AssertionInQuestion): Promise<void> {
  await takeChecks(explainer, question, CHECKS_BEFORE_SIGNATURE, DESCRIBE_BEFORE_SIGNATURE)
  await takeSignature(explainer, question)
  await takeChecks(explainer, question, CHECKS_OF_CLAIMS, DESCRIBE_CLAIMS)
}

async function takeChecks<Name extends string>(
  explainer: Explainer,
  question: AssertionInQuestion,
  checks: Readonly<Record<Name, (jwt: UnverifiedJwt, identityProvider: IdentityProvider, now: number) => void>>,
  describe: Readonly<Record<Name, Describe>>,
): Promise<void> {
  const { jwt, identityProvider, now } = question
  for (const name of Object.keys(checks) as Name[]) {
    await explainer.take(name, describe[name](question), () => checks[name](jwt, identityProvider, now))
  }
}

/** A key of another algorithm is not looked for: the answer would be about that. */
async function takeSignature(explainer: Explainer, { jwt, identityProvider }: AssertionInQuestion): Promise<void> {
  const { kid } = jwt.header
  const texts = {
    expected: 'one by a key of the identity provider',
    found: kid === undefined ? 'no kid' : `kid ${kid}`,
  }
  if (explainer.hasFailed(['enabled', 'alg'])) return explainer.skip('signature', texts)
  const { keySource } = identityProvider
  const hints: Readonly<Record<string, () => string>> = {
    unknown_key: () => hintOfUnknownKey(jwt.header, keySource),
    bad_signature: () => hintOfSignatureForm(jwt) ?? hintOfBadSignature(jwt.header, keySource),
    jwks_unavailable: () => hintOfUnavailable(keySource.stats()),
  }
  await explainer.take('signature', { ...texts, hint: (reason) => hints[reason]?.() }, () =>
    verifySignature(jwt, keySource),
  )
}

function hintOfUnavailable({ lastFailure }: KeySourceStats): string {
  return lastFailure === undefined ? 'the key set did not come in time: try again' : describeFetchFailure(lastFailure)
}

export function shown(value: unknown): string {
  return value === undefined ? 'none' : (JSON.stringify(value) ?? 'nothing')
}
