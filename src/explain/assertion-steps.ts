import type { AssertionCheckName, PresentedAssertion } from '../assertion/assertion-profile.js'
import { checkAssertion } from '../assertion/verify-assertion.js'
import type { Clock } from '../clock/clock.js'
import { findOtherKind } from '../jwt/check-claims.js'
import { ownMember } from '../jwt/parse-json-object.js'
import type { UnverifiedJwt } from '../jwt/parse-jwt.js'
import type { KeySourceStats, VerificationKeySource } from '../verification-keys/key-source.js'
import { verifySignature } from '../verification-keys/verify-signature.js'
import type { Explainer, StepTexts } from './explanation.js'
import { describeDate } from './explanation.js'
import { hintOfAlgorithm, hintOfAudience, hintOfClock, hintOfNoDate, hintOfText, hintOfType } from './hints.js'
import { describeFetchFailure, hintOfBadSignature, hintOfSignatureForm, hintOfUnknownKey } from './key-hints.js'

const NO_IAT =
  'configure the identity provider to include iat, or set requireIat (require_iat) to false: then nothing says how old it is'

/** What is said of each check, whichever profile has it. */
const DESCRIPTIONS: Readonly<Record<AssertionCheckName, (presented: PresentedAssertion) => StepTexts>> = {
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
  signature: ({ jwt, identityProvider: { keySource } }) => ({
    expected: 'one by a key of the identity provider',
    found: jwt.header.kid === undefined ? 'no kid' : `kid ${jwt.header.kid}`,
    hint: (reason) => HINTS_OF_SIGNATURES[reason]?.(jwt, keySource),
  }),
  sub: ({ jwt }) => ({
    expected: 'a non-empty string without invisible characters, and without white space around it',
    found: shown(ownMember(jwt.payload, 'sub')),
    hint: () => hintOfText('sub', ownMember(jwt.payload, 'sub')),
  }),
  aud: ({ jwt, identityProvider: { audiences }, client }) => ({
    expected: [...audiences].join(' or '),
    found: shown(ownMember(jwt.payload, 'aud')),
    hint: (reason) => hintOfAudience(reason, jwt.payload, audiences, client?.clientId),
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

type HintOfSignature = (jwt: UnverifiedJwt, keySource: VerificationKeySource) => string

const HINTS_OF_SIGNATURES: Readonly<Record<string, HintOfSignature>> = {
  unknown_key: ({ header }, keySource) => hintOfUnknownKey(header, keySource),
  bad_signature: (jwt, keySource) => hintOfSignatureForm(jwt) ?? hintOfBadSignature(jwt.header, keySource),
  jwks_unavailable: (_, keySource) => hintOfUnavailable(keySource.stats()),
}

/** All checks of an assertion; of its claims even if the signature is not good. */
export async function takeAssertionSteps(
  explainer: Explainer,
  presented: Omit<PresentedAssertion, 'now'>,
  clock: Pick<Clock, 'now'>,
): Promise<void> {
  await checkAssertion(presented, {
    clock,
    verifyBy: verifySignature,
    run: async ({ name, check }, each) => {
      const texts = DESCRIPTIONS[name](each)
      // A key of another algorithm is not looked for: the answer would be about that.
      if (name === 'signature' && explainer.hasFailed(['enabled', 'alg'])) explainer.skip(name, texts)
      else await explainer.take(name, texts, () => check(each))
    },
  })
}

function hintOfUnavailable({ lastFailure }: KeySourceStats): string {
  return lastFailure === undefined ? 'the key set did not come in time: try again' : describeFetchFailure(lastFailure)
}

export function shown(value: unknown): string {
  return value === undefined ? 'none' : (JSON.stringify(value) ?? 'nothing')
}
