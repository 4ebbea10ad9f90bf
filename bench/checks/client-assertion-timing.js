/**
 * Prints medians of refusals of client assertions, in microseconds: for an unknown client, and for a known one with a wrong
 * signature or an unknown key. They must not tell which clients exist. Seen on two shared cores: ES256 76, 79 and 87; RS256 56,
 * 60 and 72; Ed25519 148, 153 and 169; ES384 1063, 1078 and 1092.
 */
import { createClientAssertionMethods } from '../../build/client-auth/client-assertion.js'
import { FailureLimiter } from '../../build/client-auth/failure-limiter.js'
import { IdentityProviderRegistry } from '../../build/identity-provider/identity-provider-registry.js'
import { generateFakeKey, signAssertion } from '../../build/testing/index.js'
import { FixedKeySource } from '../../build/verification-keys/configured-key-sources.js'
import { readKeySet } from '../../build/verification-keys/key-set.js'

const ROUNDS = 4000
const TYPE = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'
const clock = { now: () => Date.now() / 1000, monotonic: () => performance.now() }

async function measure(algorithm) {
  const [key, other] = [await generateFakeKey(algorithm, 'k'), await generateFakeKey(algorithm, 'k')]
  const keySource = new FixedKeySource(readKeySet([key.publicJwk]).keySet)
  const client = { clientId: 'known', credential: { kind: 'keys', keys: {} } }
  const [method] = createClientAssertionMethods({
    audiences: new Set(['https://api.example.com']),
    issuer: 'https://api.example.com',
    clock,
    replayProtection: { markUsed: async () => true },
    identityProviders: new IdentityProviderRegistry([]),
    keysOf: () => keySource,
    findAssertedClient: () => undefined,
  })
  const failureLimiter = new FailureLimiter({ maxFailures: 1_000_000, failureWindow: 600 }, clock)
  const findClient = async (id) => (id === 'known' ? client : undefined)
  const now = Math.floor(clock.now())
  const kinds = { unknown: ['nobody', 'k'], 'wrong signature': ['known', 'k'], 'unknown kid': ['known', 'x'] }
  const times = Object.fromEntries(Object.keys(kinds).map((kind) => [kind, []]))
  const requests = {}
  for (const [kind, [id, kid]] of Object.entries(kinds)) {
    const claims = { iss: id, sub: id, aud: 'https://api.example.com', exp: now + 60, jti: 'x' }
    const assertion = await signAssertion(other, { alg: algorithm, kid }, claims)
    requests[kind] = { one: () => undefined, clientAssertion: { type: TYPE, assertion }, remoteAddress: '192.0.2.1' }
  }
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const kind of Object.keys(kinds)) {
      const start = process.hrtime.bigint()
      await method.authenticate(requests[kind], { findClient, failureLimiter }).catch(() => {})
      times[kind].push(Number(process.hrtime.bigint() - start) / 1000)
    }
  }
  const median = (list) => Math.round(list.sort((a, b) => a - b)[list.length >> 1])
  return Object.fromEntries(Object.entries(times).map(([kind, list]) => [kind, median(list)]))
}

for (const algorithm of ['ES256', 'RS256', 'Ed25519', 'ES384']) console.log(algorithm, await measure(algorithm))
