import type { AccessToken } from '../access-token/access-token.js'
import { resolveSubject } from '../assertion/resolve-subject.js'
import type { Clock } from '../clock/clock.js'
import type { Eventual } from '../clock/when-ready.js'
import type { ReasonCode } from '../errors/reason-codes.js'
import { TokenRejected } from '../errors/rejections.js'
import type { AcceptedAccessTokens } from '../identity-provider/identity-provider.js'
import type { IdentityProviderRegistry } from '../identity-provider/identity-provider-registry.js'
import { findOtherKind } from '../jwt/check-claims.js'
import { ownMember } from '../jwt/parse-json-object.js'
import { parsePayload, type UnverifiedJwt } from '../jwt/parse-jwt.js'
import { describeType } from '../option-checks/describe-value.js'
import { OptionReader } from '../option-checks/option-reader.js'
import { enforcePolicy } from '../policy/policy.js'
import { parseIssuerToken } from '../trusted-issuer/access-token-verifier.js'
import { grantedScopesOf } from '../trusted-issuer/granted-scopes.js'
import type { TrustedIssuer } from '../trusted-issuer/trusted-issuer.js'
import type { TrustedIssuers } from '../trusted-issuer/trusted-issuers.js'
import { describeRule, NO_VERDICT, nameOfRule } from './access-texts.js'
import { type CheckDescriptions, takeCheckSteps, textsOfKind } from './check-steps.js'
import { Explainer, type Explanation, resultOf } from './explanation.js'
import { hintOfShape } from './shape-hints.js'
import { nearMiss } from './token-hints.js'
import { describeClaim, optionName, sideBySide } from './wording.js'

/** Whether an access token would be accepted, step by step. */
export interface AccessTokenExplanation extends Omit<Explanation, 'accessToken'> {
  /** What a route would get, if the token is accepted. */
  accessToken?: { sub: string; identityProvider: string; scopes: readonly string[] }
}

export interface ExplainAccessTokenDeps {
  issuers: TrustedIssuers
  identityProviders: IdentityProviderRegistry
  clock: Clock
}

/**
 * Takes every step of the verification of an access token of another issuer. It continues after a step that fails, as far as
 * possible. Keys may be fetched as for a request.
 *
 * @throws ConfigError for a token that is not a string
 */
export async function explainAccessToken(token: string, deps: ExplainAccessTokenDeps): Promise<AccessTokenExplanation> {
  checkArgument(token)
  const explainer = new Explainer()
  const accessToken = await takeSteps(explainer, token, deps)
  const reason = explainer.firstReason
  return {
    isAccepted: reason === undefined,
    ...(reason !== undefined && { reason }),
    steps: explainer.steps,
    ...(reason === undefined && accessToken !== undefined && { accessToken }),
  }
}

const ASKED = {
  found: (reason: ReasonCode | undefined) => (reason === undefined ? 'active' : `refused: ${reason}`),
  hint: (reason: ReasonCode) => (reason === 'inactive' ? INACTIVE : undefined),
}
const INACTIVE = 'it was revoked, has expired, is unknown to the issuer, or the client that asks may not see it'

/** JavaScript callers may pass anything. */
function checkArgument(token: unknown): void {
  const reader = new OptionReader({}, ['explain'])
  if (typeof token !== 'string') reader.note('wrong_type', 'token', `got ${describeType(token)}; expected a string`)
  reader.throwProblems()
}

async function takeSteps(explainer: Explainer, token: string, deps: ExplainAccessTokenDeps) {
  const opaque = deps.issuers.verifyOpaque(token)
  if (opaque !== undefined) return takeAnswer(explainer, () => opaque)
  const jwt = await takeShape(explainer, token)
  const trusted = jwt && (await takeIssuer(explainer, jwt, deps))
  if (jwt === undefined || trusted === undefined) return undefined
  const { accepted, checks, introspection } = trusted
  const { issuer } = accepted
  if (accepted.isOpaque) return takeAnswer(explainer, () => deps.issuers.verify(jwt))
  const now = deps.clock.now()
  const presented = { jwt, identityProvider: issuer, client: undefined, issuer: issuer.name }
  await takeCheckSteps(explainer, presented, { now: () => now }, { checks, descriptions: descriptionsOf(accepted) })
  const access = await takeAccess(explainer, jwt, accepted)
  if (introspection !== undefined) {
    const verified = { token: jwt.compact, expiresAt: Number(ownMember(jwt.payload, 'exp')) }
    const texts = { ...ASKED, expected: 'that the issuer says it is active', asksHost: true }
    await explainer.take('introspection', texts, () => deps.issuers.confirm(verified, trusted))
  }
  return access
}

/** An answer of the issuer says everything about an opaque token. */
async function takeAnswer(explainer: Explainer, verify: () => Eventual<AccessToken>) {
  const texts = { ...ASKED, expected: 'an answer of the issuer that its rules accept' }
  const accessToken = resultOf(await explainer.take('introspection', texts, verify))
  if (accessToken === undefined) return undefined
  const { sub, identityProvider = '', scopes } = accessToken
  return { sub, identityProvider, scopes }
}

async function takeShape(explainer: Explainer, token: string): Promise<UnverifiedJwt | undefined> {
  const texts = {
    expected: 'a JWT without crit and b64 in its header',
    found: `${token.length} characters`,
    hint: (reason: Parameters<typeof hintOfShape>[0]) => hintOfShape(reason, token),
  }
  return resultOf(await explainer.take('shape', texts, () => parsePayload(parseIssuerToken(token))))
}

async function takeIssuer(
  explainer: Explainer,
  jwt: UnverifiedJwt,
  { issuers, identityProviders }: ExplainAccessTokenDeps,
): Promise<TrustedIssuer | undefined> {
  const iss = ownMember(jwt.payload, 'iss')
  const names = [...identityProviders.fixed.values()].map(({ name }) => name)
  const texts = { expected: sideBySide(names), found: describeClaim(iss), hint: () => nearMiss(iss, names) }
  const step = await explainer.take('iss', texts, () => {
    const trusted = issuers.find(jwt)
    if (trusted === undefined) throw new TokenRejected('unknown_issuer')
    return trusted
  })
  return resultOf(step)
}

function descriptionsOf({ issuer, mayLackType, accessTokenClaims }: AcceptedAccessTokens): Partial<CheckDescriptions> {
  const unsupported =
    (name: string, hint: string): CheckDescriptions['cnf'] =>
    ({ jwt }) => ({ expected: 'none', found: describeClaim(ownMember(jwt.payload, name)), hint: () => hint })
  return {
    cnf: unsupported('cnf', 'the token is bound to a key, but proofs of that key are not supported'),
    act: unsupported('act', 'somebody else acts for the subject, which is not supported'),
    aud: ({ jwt }) => {
      const aud = ownMember(jwt.payload, 'aud')
      const hint = nearMiss([aud].flat()[0], issuer.audiences)
      return {
        expected: sideBySide([...issuer.audiences], 'one of '),
        found: describeClaim(aud),
        hint: () => hint ?? `if that means this service, add it to ${optionName('audience')}`,
      }
    },
    typ: ({ jwt }) => ({
      expected: sideBySide([...issuer.types, ...(mayLackType ? ['none'] : [])], 'one of '),
      found: jwt.header.typ ?? 'none',
      hint: () => `if it is an access token, add its type to ${optionName('types')}`,
    }),
    kind: ({ jwt }) => {
      const ofOther = textsOfKind(findOtherKind(jwt.payload))
      const marks = accessTokenClaims.join(', ')
      return {
        expected: 'an access token, not another kind of token',
        found: ofOther.found,
        hint: (reason) =>
          ofOther.hint?.(reason) ??
          `nothing marks it as an access token, such as a claim of ${optionName('accessTokenClaims')}: ${marks}`,
      }
    },
  }
}

async function takeAccess(explainer: Explainer, { payload }: UnverifiedJwt, accepted: AcceptedAccessTokens) {
  const { issuer } = accepted
  const vouched = { identityProvider: issuer, sub: String(ownMember(payload, 'sub')), payload }
  await enforcePolicy(issuer.policy, vouched.sub, payload, { identityProvider: issuer.id }, async (rule, enforce) => {
    const texts = describeRule(rule, vouched, () => NO_VERDICT)
    await explainer.take(nameOfRule(rule), texts, enforce)
  })
  const subject = await explainer.take(
    'subject',
    { expected: 'a subject', found: `from ${describeClaim(vouched.sub)}`, asksHost: true },
    () => resolveSubject(vouched),
  )
  const scopes = await explainer.take(
    'scope',
    {
      expected: sideBySide(accepted.scopeClaims.map(({ path }) => path)),
      found: sideBySide(accepted.scopeClaims.map(({ at }) => describeClaim(ownMember(payload, at.segments[0] ?? '')))),
    },
    () => grantedScopesOf(payload, accepted),
  )
  const [sub, granted] = [resultOf(subject), resultOf(scopes)]
  if (sub === undefined || granted === undefined) return undefined
  return { sub, identityProvider: issuer.id, scopes: granted }
}
