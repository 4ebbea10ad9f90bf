// Measures this checkout against another one, built, of the same package: npm run bench:compare -- ../before [--rounds N] [--seconds S]
import { randomUUID } from 'node:crypto'
import { relative, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { generateSigningKey } from '../dist/index.js'
import { generateFakeKey } from '../dist/testing/index.js'
import { checkRoute } from './checks/check-route.js'
import { checkTokenEndpoint } from './checks/check-token-endpoint.js'
import { identityProviderName, tokenEndpoint } from './deployment.js'
import { Contender } from './measure/contender.js'
import { holdContest } from './measure/hold-contest.js'
import { withRatios } from './measure/ratios.js'
import { startGenerator } from './measure/start-generator.js'
import { GENERATOR_CORE } from './processes/pin.js'
import { startProcess } from './processes/start-process.js'
import { printContest } from './report/print-contest.js'
import { accessTokenClaims, assertionClaims } from './tokens/claims.js'
import { createSigner } from './tokens/sign-jwt.js'
import { TokenPool } from './tokens/token-pool.js'

const OTHER = 'the other checkout'
const THIS = 'this checkout'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { rounds: { type: 'string', default: '9' }, seconds: { type: 'string', default: '2' } },
})
if (positionals.length !== 1)
  throw new Error('Name the folder of the other checkout, in which npm ci && npm run build was run')
const otherServers = relative(
  fileURLToPath(new URL('servers', import.meta.url)),
  resolve(positionals[0], 'bench', 'servers'),
)
const load = { rounds: Number(values.rounds), seconds: Number(values.seconds), tell: (step) => console.error(step) }
const generator = await startGenerator()
const keySet = await startProcess('servers/key-set.js', { core: GENERATOR_CORE })
try {
  await compareTokenEndpoints()
  await compareRoutes()
} finally {
  await Promise.all([generator.end(), keySet.end()])
}

/** Distinct RS256 assertions, Basic, ES256 access tokens, as in the part `token`. */
async function compareTokenEndpoints() {
  const { kid, privateJwk, publicJwk } = await generateFakeKey('RS256')
  const header = { alg: 'RS256', typ: 'JWT', kid }
  const pool = await TokenPool.create({ privateJwk, header, claims: assertionClaims() })
  const { port } = await keySet.ask('start', { keys: [publicJwk] })
  const jwksUri = `http://127.0.0.1:${port}/jwks`
  const settings = {
    identityProviders: [{ name: identityProviderName, allowedSubjects: 'any', alias: tokenEndpoint, jwksUri }],
    signingKey: generateSigningKey('ES256'),
  }
  const strict = { kind: 'exchange', check: checkTokenEndpoint, settings, checks: { signature: true, replay: true } }
  await compare('Token endpoint', 'token/ours-memory.js', strict, pool)
}

/** Our own RS256 access tokens, the same one each time and each time another one, as in the part `route`. */
async function compareRoutes() {
  const signingKey = generateSigningKey('RS256')
  const header = { alg: 'RS256', typ: 'at+jwt', kid: signingKey.kid }
  const claims = accessTokenClaims()
  const pool = await TokenPool.create({ privateJwk: signingKey, header, claims })
  const sameToken = createSigner(signingKey, header)({ ...claims, jti: randomUUID() })
  const jwksUri = 'http://127.0.0.1:9/jwks' // A route asks no identity provider.
  const settings = { signingKey, identityProviders: [{ name: identityProviderName, allowedSubjects: 'any', jwksUri }] }
  const route = { kind: 'route', check: checkRoute, settings, checks: { signature: true } }
  await compare('Route, the same token', 'route/ours-protect.js', { ...route, sameToken }, pool, false)
  await compare('Route, other tokens', 'route/ours-protect.js', route, pool)
}

async function compare(title, script, traits, pool, isLast = true) {
  try {
    const contenders = [
      new Contender({ ...traits, name: OTHER, script: `${otherServers}/${script}` }, pool),
      new Contender({ ...traits, name: THIS, script }, pool),
    ]
    printContest(title, withRatios(await holdContest({ contenders, pool, generator, ...load }), OTHER))
  } finally {
    if (isLast) await pool.remove()
  }
}
