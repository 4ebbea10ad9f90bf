import { generateSigningKey } from '../../dist/index.js'
import { generateFakeKey } from '../../dist/testing/index.js'
import { createTokenEndpointCheck } from '../checks/check-token-endpoint.js'
import { client, identityProviderName, issuer, subject, tokenEndpoint } from '../deployment.js'
import { Contender } from '../measure/contender.js'
import { holdContest } from '../measure/hold-contest.js'
import { ratioBetween, withRatios } from '../measure/ratios.js'
import { startGenerator } from '../measure/start-generator.js'
import { GENERATOR_CORE } from '../processes/pin.js'
import { startProcess } from '../processes/start-process.js'
import { printContest } from '../report/print-contest.js'
import { atLeast } from '../targets.js'
import { assertionClaims } from '../tokens/claims.js'
import { TokenPool } from '../tokens/token-pool.js'

const SECRET = 'a client secret'
const ALONE = 'the assertion alone'
const PRIVATE_KEY_JWT = 'private_key_jwt, ES256'

export const defaults = { rounds: 9, seconds: 1.5 }

/** The token endpoint, by how the client authenticates: distinct RS256 assertions, ES256 access tokens. */
export async function measureClients({ rounds, seconds, tell }) {
  const assertions = { ...(await generateIngredients('RS256')), claims: assertionClaims() }
  const clientAssertion = { ...(await generateIngredients('ES256')), claims: assertionClaims(client.clientId, issuer) }
  clientAssertion.claims.sub = client.clientId
  const [pool, pairs] = [await TokenPool.create(assertions), await TokenPool.create({ ...assertions, clientAssertion })]
  const keySet = await startProcess('servers/key-set.js', { core: GENERATOR_CORE })
  const generator = await startGenerator()
  try {
    const { port } = await keySet.ask('start', { keys: [assertions.publicJwk] })
    const settings = createSettings(`http://127.0.0.1:${port}/jwks`)
    const contenders = createContenders(settings, clientAssertion.publicJwk, { pool, pairs })
    const both = { grow: (count) => Promise.all([pool.grow(count), pairs.grow(count)]), count: 0 }
    const results = withRatios(await holdContest({ contenders, pool: both, generator, rounds, seconds, tell }), SECRET)
    printContest(`Token endpoint by client authentication, ${rounds} rounds of ${seconds} s`, results)
    return { contenders: results, targets: findTargets(results) }
  } finally {
    await Promise.all([pool.remove(), pairs.remove(), keySet.end(), generator.end()])
  }
}

async function generateIngredients(algorithm) {
  const { kid, privateJwk, publicJwk } = await generateFakeKey(algorithm)
  return { privateJwk, publicJwk, header: { alg: algorithm, typ: 'JWT', kid } }
}

function createSettings(jwksUri) {
  const entry = { name: identityProviderName, allowedSubjects: 'any', alias: tokenEndpoint, jwksUri }
  return { identityProviders: [entry], clients: [client], signingKey: generateSigningKey('ES256') }
}

function createContenders(settings, publicJwk, { pool, pairs }) {
  const common = { script: 'token/ours-clients.js', checks: { signature: true, replay: true } }
  const [entry] = settings.identityProviders
  const optional = { ...entry, clientAuthentication: 'optional', scopes: client.scopes }
  const { clientSecret: _, ...withoutSecret } = client
  return [
    new Contender({ ...common, name: SECRET, kind: 'exchange', settings, check: createTokenEndpointCheck() }, pool),
    new Contender(
      {
        ...common,
        name: ALONE,
        kind: 'exchange without secret',
        settings: { ...settings, identityProviders: [optional] },
        check: createTokenEndpointCheck({ headers: {}, clientId: subject }),
      },
      pool,
    ),
    new Contender(
      {
        ...common,
        name: PRIVATE_KEY_JWT,
        kind: 'exchange without secret',
        settings: { ...settings, clients: [{ ...withoutSecret, jwks: { keys: [publicJwk] } }] },
        check: createTokenEndpointCheck({ headers: {}, refused: 401 }),
      },
      pairs,
    ),
  ]
}

function findTargets(results) {
  return [
    atLeast(1, `${ALONE} × ${SECRET}`, ratioBetween(results, ALONE, SECRET)),
    atLeast(0.75, `${PRIVATE_KEY_JWT} × ${SECRET}`, ratioBetween(results, PRIVATE_KEY_JWT, SECRET)),
  ]
}
