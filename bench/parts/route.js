import { randomUUID } from 'node:crypto'
import { generateSigningKey } from '../../dist/index.js'
import { checkRoute } from '../checks/check-route.js'
import { Contender } from '../measure/contender.js'
import { measureGeneratorLimit } from '../measure/generator-limit.js'
import { holdContest } from '../measure/hold-contest.js'
import { ratioBetween, withRatios } from '../measure/ratios.js'
import { startGenerator } from '../measure/start-generator.js'
import { GENERATOR_CORE } from '../processes/pin.js'
import { startProcess } from '../processes/start-process.js'
import { printContest, printGeneratorLimit } from '../report/print-contest.js'
import { publicKeySet } from '../servers/public-key-set.js'
import { atLeast } from '../targets.js'
import { accessTokenClaims } from '../tokens/claims.js'
import { createSigner } from '../tokens/sign-jwt.js'
import { TokenPool } from '../tokens/token-pool.js'

const BARE = 'bare Express, no check'
const NO_CHECK = 'Passport, a strategy that checks nothing'
const PROTECT = 'ours, protect()'
const RESOURCE_SERVER = 'ours, createResourceServer().protect()'
const REVOCATION = 'ours, protect(), revocation: check'
const MOUNTED = 'ours, protect(), the router before it at /oauth2'
const MOUNTED_AT_ROOT = 'ours, protect(), the router before it at /'
const PASSPORT = 'ours, through Passport'
const FAST_JWT = 'fast-jwt with its cache + get-jwks'
const EXPRESS_OAUTH2 = 'express-oauth2-jwt-bearer'
const PASSPORT_JWT = 'passport-jwt + jwks-rsa'

const SCRIPTS = new Map([
  [BARE, 'route/bare-express.js'],
  [NO_CHECK, 'route/passport-no-check.js'],
  [PROTECT, 'route/ours-protect.js'],
  [RESOURCE_SERVER, 'route/ours-resource-server.js'],
  [REVOCATION, 'route/ours-protect.js'],
  [MOUNTED, 'route/ours-protect.js'],
  [MOUNTED_AT_ROOT, 'route/ours-protect.js'],
  [PASSPORT, 'route/ours-passport.js'],
  [FAST_JWT, 'route/fast-jwt.js'],
  ['jose middleware, by hand', 'route/jose-by-hand.js'],
  [EXPRESS_OAUTH2, 'route/express-oauth2-jwt-bearer.js'],
  ['express-jwt + jwks-rsa', 'route/express-jwt.js'],
  [PASSPORT_JWT, 'route/passport-jwt.js'],
])
/** What some of them have in addition. */
const MORE_SETTINGS = new Map([
  [REVOCATION, { more: { revocation: { mode: 'check' } } }],
  [MOUNTED, { mountedAt: '/oauth2' }],
  [MOUNTED_AT_ROOT, { mountedAt: '/' }],
])
/** How a router is mounted makes no difference to how a token is verified. */
const ONLY_WARM = [MOUNTED, MOUNTED_AT_ROOT]
/** Measured again with a generator that sleeps, as clients on other machines do. */
const WITH_SLEEPING = [BARE, PROTECT, RESOURCE_SERVER, MOUNTED, MOUNTED_AT_ROOT]
/** To them all tokens are the same. */
const CHECK_NOTHING = [BARE, NO_CHECK]
/** For contenders that are near a target, because two processes of the same program differ by 2 or 3 %. */
const PROCESSES_NEAR_TARGET = 3
const NEAR_TARGET = {
  warm: [BARE, NO_CHECK, PROTECT, RESOURCE_SERVER, REVOCATION, PASSPORT],
  cold: [EXPRESS_OAUTH2, PROTECT, RESOURCE_SERVER, REVOCATION],
}

export const defaults = { rounds: 7, seconds: 0.8 }

/**
 * A protected route with our own RS256 access tokens, which all contenders get: the same one each time, and each time
 * another one. These are two processes for each contender, because what one has learned must not help the other.
 */
export async function measureRoute({ rounds, seconds, tell }) {
  const signingKey = generateSigningKey('RS256')
  const ingredients = {
    privateJwk: signingKey,
    header: { alg: 'RS256', typ: 'at+jwt', kid: signingKey.kid },
    claims: accessTokenClaims(),
  }
  const pool = await TokenPool.create(ingredients)
  const keySet = await startProcess('servers/key-set.js', { core: GENERATOR_CORE })
  const generator = await startGenerator()
  try {
    const { port } = await keySet.ask('start', publicKeySet(signingKey))
    const jwksUri = `http://127.0.0.1:${port}/jwks`
    const settings = {
      jwksUri,
      signingKey,
      identityProviders: [{ name: 'https://idp.example.com', allowedSubjects: 'any', jwksUri }],
    }
    const sameToken = createSigner(signingKey, ingredients.header)({ ...ingredients.claims, jti: randomUUID() })
    const warm = createWarm(settings, sameToken)
    const limits = await measureGeneratorLimit(generator, { kind: 'route', token: sameToken })
    const hold = (traits, client) => {
      const contenders = traits.map((each) => new Contender(each, pool))
      return holdContest({ contenders, pool, generator, client, rounds, seconds, tell })
    }
    const results = { warm: await hold(warm), cold: await hold(createCold(settings)) }
    const sleeping = warm.filter(({ name }) => WITH_SLEEPING.includes(name))
    return report({ limits, ...results, asleep: await hold(sleeping, 'closed loop that sleeps'), rounds, seconds })
  } finally {
    await Promise.all([pool.remove(), keySet.end(), generator.end()])
  }
}

function createWarm(settings, sameToken) {
  const { warm } = NEAR_TARGET
  return [...SCRIPTS].map(([name, script]) => createTraits(name, script, { settings, sameToken, near: warm }))
}

function createCold(settings) {
  const checking = [...SCRIPTS].filter(([name]) => ![...CHECK_NOTHING, ...ONLY_WARM].includes(name))
  return checking.map(([name, script]) => createTraits(name, script, { settings, near: NEAR_TARGET.cold }))
}

function createTraits(name, script, { near, ...more }) {
  const checks = { signature: !CHECK_NOTHING.includes(name) }
  const settings = { ...more.settings, ...MORE_SETTINGS.get(name) }
  const processes = near.includes(name) ? PROCESSES_NEAR_TARGET : 1
  return { name, script, kind: 'route', check: checkRoute, checks, processes, ...more, settings }
}

function report({ limits, rounds, seconds, ...results }) {
  const warm = withRatios(results.warm, BARE)
  const cold = withRatios(results.cold, EXPRESS_OAUTH2)
  const asleep = withRatios(results.asleep, BARE)
  printGeneratorLimit(limits)
  printContest(`Protected route, the same token each time, ${rounds} rounds of ${seconds} s`, warm, limits.autocannon)
  printContest(`Protected route, each time another token, ${rounds} rounds of ${seconds} s`, cold, limits.autocannon)
  printContest(`The same token, a generator that sleeps, ${rounds} rounds of ${seconds} s`, asleep)
  return { limits, warm, cold, asleep, targets: [...findTargets(warm, cold), ...findTargetsAsleep(asleep)] }
}

function findTargetsAsleep(asleep) {
  return [PROTECT, RESOURCE_SERVER].map((name) =>
    atLeast(0.9, `same token, a generator that sleeps: ${name} × ${BARE}`, ratioBetween(asleep, name, BARE)),
  )
}

function findTargets(warm, cold) {
  return [
    atLeast(0.9, `same token: ${PROTECT} × ${BARE}`, ratioBetween(warm, PROTECT, BARE)),
    atLeast(1, `same token: ${PROTECT} × ${FAST_JWT}`, ratioBetween(warm, PROTECT, FAST_JWT)),
    atLeast(0.95, `same token: ${PASSPORT} × ${NO_CHECK}`, ratioBetween(warm, PASSPORT, NO_CHECK)),
    atLeast(0.9, `same token: ${RESOURCE_SERVER} × ${BARE}`, ratioBetween(warm, RESOURCE_SERVER, BARE)),
    atLeast(0.95, `same token: ${REVOCATION} × without`, ratioBetween(warm, REVOCATION, PROTECT)),
    atLeast(
      1.05,
      `other tokens: ${RESOURCE_SERVER} × ${EXPRESS_OAUTH2}`,
      ratioBetween(cold, RESOURCE_SERVER, EXPRESS_OAUTH2),
    ),
    atLeast(2, `other tokens: ${RESOURCE_SERVER} × ${PASSPORT_JWT}`, ratioBetween(cold, RESOURCE_SERVER, PASSPORT_JWT)),
    atLeast(0.95, `other tokens: ${REVOCATION} × without`, ratioBetween(cold, REVOCATION, PROTECT)),
    atLeast(1.05, `other tokens: ${PROTECT} × ${EXPRESS_OAUTH2}`, ratioBetween(cold, PROTECT, EXPRESS_OAUTH2)),
  ]
}
