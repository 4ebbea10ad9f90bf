// Times the steps of a request by themselves, without HTTP, in a process of its own.
import { createPublicKey, randomUUID } from 'node:crypto'
import { createAccessTokenSigner, issueAccessToken } from '../../build/access-token/issue-access-token.js'
import { markAssertionUsed } from '../../build/assertion/mark-used.js'
import { digestSecret } from '../../build/client-auth/client-secret.js'
import { authenticateBySecret, parseBasicCredentials } from '../../build/client-auth/client-secret-methods.js'
import { FailureLimiter } from '../../build/client-auth/failure-limiter.js'
import { createFindClient } from '../../build/client-auth/find-client.js'
import { systemClock } from '../../build/clock/clock.js'
import { systemTimers } from '../../build/clock/timers.js'
import { TrustSwitch } from '../../build/identity-provider/identity-provider.js'
import { createJwtExchange, generateSigningKey, MemoryReplayStore } from '../../build/index.js'
import { parseJwt } from '../../build/jwt/parse-jwt.js'
import { isSignedBy } from '../../build/jwt/signatures.js'
import { ReplayProtection } from '../../build/replay/replay-protection.js'
import { readSigningKey, SigningKeys } from '../../build/signing-keys/signing-keys.js'
import { generateFakeKey } from '../../build/testing/index.js'
import {
  accessTokenLifetime,
  audience,
  client,
  clientAuthorization,
  identityProviderName,
  issuer,
} from '../deployment.js'
import { median } from '../measure/statistics.js'
import { answerParent } from '../processes/answer-parent.js'
import { accessTokenClaims, assertionClaims } from '../tokens/claims.js'
import { createSigner } from '../tokens/sign-jwt.js'

const REPETITIONS = 4000
const ROUNDS = 9

answerParent({ time: async () => ({ ...(await timeTokenRequest()), ...(await timeRoute()) }) })

async function timeTokenRequest() {
  const { kid, privateJwk, publicJwk } = await generateFakeKey('RS256')
  const sign = createSigner(privateJwk, { alg: 'RS256', typ: 'JWT', kid })
  const claims = assertionClaims()
  const assertions = Array.from({ length: REPETITIONS }, () => sign({ ...claims, jti: randomUUID() }))
  const parsed = assertions.map((assertion) => parseJwt(assertion, 32_768))
  const publicKey = createPublicKey({ key: publicJwk, format: 'jwk' })
  const request = {
    subject: 'alice',
    clientId: client.clientId,
    scopes: client.scopes,
    identityProvider: identityProviderName,
    lifetime: accessTokenLifetime,
    audiences: new Set([audience]),
    claims: {},
    latestExpiry: Number.POSITIVE_INFINITY,
  }
  return {
    'client authentication': await timeEach(assertions, createClientAuthentication()),
    'parsing the assertion, strictly': await timeEach(assertions, (assertion) => parseJwt(assertion, 32_768)),
    'its RS256 signature': await timeEach(parsed, (jwt) => isSignedBy(publicKey, jwt)),
    'marking it used, in memory': await timeEach(parsed, createClaim()),
    'the access token with its ES256 signature': await timeEach(assertions, createIssue(request)),
  }
}

function createClientAuthentication() {
  const { clientId, clientSecret, scopes } = client
  const registered = { clientId, credential: { kind: 'secret', digest: digestSecret(clientSecret) }, scopes }
  const settings = { maxFailures: 500, failureWindow: 600 }
  const deps = {
    findClient: createFindClient([registered], undefined),
    failureLimiter: new FailureLimiter(settings, systemClock),
  }
  return () => authenticateBySecret(parseBasicCredentials(clientAuthorization), '127.0.0.1', deps)
}

/** Each claim is of another assertion, in each round. */
function createClaim() {
  const protection = new ReplayProtection({
    store: new MemoryReplayStore(),
    timeout: 1000,
    timers: systemTimers,
    reportRisk() {},
    reportFilling() {},
  })
  const identityProvider = {
    name: identityProviderName,
    trust: new TrustSwitch(),
    limits: { replay: 'once', clockTolerance: 60 },
  }
  const expiresAt = Math.floor(Date.now() / 1000) + 1800
  let count = 0
  return () => {
    count += 1
    const assertion = { identityProvider, expiresAt, payload: { exp: expiresAt }, assertionId: `assertion ${count}` }
    return markAssertionUsed(assertion, {
      identityProviders: { haveShares: false },
      replayProtection: protection,
      clock: systemClock,
    })
  }
}

function createIssue(request) {
  const signingKeys = new SigningKeys(readSigningKey(generateSigningKey('ES256')), [])
  const deps = {
    issuer,
    lifetime: accessTokenLifetime,
    signAccessToken: createAccessTokenSigner(signingKeys),
    clock: systemClock,
  }
  return () => issueAccessToken(request, 'app', deps)
}

async function timeRoute() {
  const signingKey = generateSigningKey('RS256')
  const exchange = createJwtExchange({
    issuer,
    identityProviders: [
      { name: identityProviderName, allowedSubjects: 'any', jwksUri: `${identityProviderName}/jwks` },
    ],
    clients: [client],
    accessToken: { audience, signingKeys: [signingKey] },
  })
  const sign = createSigner(signingKey, { alg: 'RS256', typ: 'at+jwt', kid: signingKey.kid })
  const claims = accessTokenClaims()
  const tokens = Array.from({ length: REPETITIONS * ROUNDS }, () => sign({ ...claims, jti: randomUUID() }))
  const verify = (token) => exchange.verifyAccessToken(token)
  let next = 0
  const verifyNext = () => {
    next += 1
    return verify(tokens[next - 1])
  }
  const same = tokens.slice(0, REPETITIONS).map(() => tokens[0])
  return {
    'an access token that was not seen before, RS256': await timeEach(same, verifyNext),
    'an access token that was accepted twice before': await timeEach(same, verify),
  }
}

/** Microseconds for one, as the median of some rounds. */
async function timeEach(values, step) {
  const rounds = []
  for (let round = 0; round < ROUNDS; round += 1) {
    const startedAt = performance.now()
    for (const value of values) await step(value)
    rounds.push(((performance.now() - startedAt) * 1000) / values.length)
  }
  return median(rounds)
}
