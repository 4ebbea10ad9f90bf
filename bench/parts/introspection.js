import { randomUUID } from 'node:crypto'
import { generateSigningKey } from '../../dist/index.js'
import { checkIntrospection } from '../checks/check-introspection.js'
import { opaqueToken } from '../deployment.js'
import { Contender } from '../measure/contender.js'
import { measureGeneratorLimit } from '../measure/generator-limit.js'
import { holdContest } from '../measure/hold-contest.js'
import { ratioBetween, withRatios } from '../measure/ratios.js'
import { startGenerator } from '../measure/start-generator.js'
import { printContest, printGeneratorLimit } from '../report/print-contest.js'
import { atLeast } from '../targets.js'
import { accessTokenClaims } from '../tokens/claims.js'
import { createSigner } from '../tokens/sign-jwt.js'
import { TokenPool } from '../tokens/token-pool.js'

const SAME = 'ours, the same JWT each time'
const OTHERS = 'ours, each time another JWT'
const REVOCATION = 'ours, the same JWT, revocation: check'
const OIDC_PROVIDER = 'oidc-provider, the same opaque token'

export const defaults = { rounds: 7, seconds: 1.5 }

/** The introspection endpoint, with Basic: RS256 access tokens of ours, and an opaque token of oidc-provider. */
export async function measureIntrospection({ rounds, seconds, tell }) {
  const signingKey = generateSigningKey('RS256')
  const header = { alg: 'RS256', typ: 'at+jwt', kid: signingKey.kid }
  const claims = accessTokenClaims()
  const pool = await TokenPool.create({ privateJwk: signingKey, header, claims })
  const generator = await startGenerator()
  try {
    const identityProviders = [
      { name: 'https://idp.example.com', allowedSubjects: 'any', jwksUri: 'http://127.0.0.1:1/jwks' },
    ]
    const settings = { signingKey, identityProviders }
    const sameToken = createSigner(signingKey, header)({ ...claims, jti: randomUUID() })
    const ours = { script: 'introspection/ours.js', settings, ...shared() }
    const traits = [
      { ...ours, name: SAME, sameToken },
      { ...ours, name: REVOCATION, sameToken, settings: { ...settings, more: { revocation: { mode: 'check' } } } },
      { ...ours, name: OTHERS },
      { ...shared(), name: OIDC_PROVIDER, script: 'introspection/oidc-provider.js', settings, sameToken: opaqueToken },
    ]
    const limits = await measureGeneratorLimit(generator, { kind: 'introspect', token: sameToken })
    const contenders = traits.map((each) => new Contender(each, pool))
    const measured = await holdContest({ contenders, pool, generator, rounds, seconds, tell })
    const results = withRatios(measured, OIDC_PROVIDER)
    printGeneratorLimit(limits)
    printContest(`Introspection endpoint, ${rounds} rounds of ${seconds} s`, results, limits.autocannon)
    return { limits, results, targets: findTargets(results) }
  } finally {
    await Promise.all([pool.remove(), generator.end()])
  }
}

function shared() {
  return { kind: 'introspect', check: checkIntrospection, checks: { signature: true } }
}

function findTargets(results) {
  return [
    atLeast(1.5, `${SAME} × ${OIDC_PROVIDER}`, ratioBetween(results, SAME, OIDC_PROVIDER)),
    atLeast(0.95, `${REVOCATION} × without`, ratioBetween(results, REVOCATION, SAME)),
  ]
}
