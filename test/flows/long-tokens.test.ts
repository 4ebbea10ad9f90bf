import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { generateSigningKey } from '../../src/index.js'
import { type FakeKey, signAssertion } from '../../src/testing/index.js'
import { AUDIENCE, type ExchangeHost, ISSUER, startExchangeHost } from '../support/exchange-host.js'
import { closeUnharmed, expectAssertionRefused } from '../support/expect-refusal.js'
import { goodClaims, goodHeader, signEncoded } from '../support/forged-jwt.js'

const signingKey = generateSigningKey()
const ownKey: FakeKey = { kid: signingKey.kid ?? '', algorithm: 'ES256', privateJwk: signingKey, publicJwk: {} }
const ownHeader = { alg: 'ES256', kid: ownKey.kid, typ: 'at+jwt' }
const SIGNATURE = 'A'.repeat(86)
/** JSON of 15 KB that takes long to read: a thousand members. */
const MANY_MEMBERS = encode(Object.fromEntries(Array.from({ length: 1000 }, (_, index) => [`k${index}`, index])))
/** What is no base64url, so that whoever decodes it refuses it as malformed. */
const LONG_JUNK = '%'.repeat(11_000)

function encode(part: unknown): string {
  return Buffer.from(JSON.stringify(part)).toString('base64url')
}

let host: ExchangeHost
beforeAll(async () => {
  host = await startExchangeHost({
    idp: { algorithm: 'ES256' },
    identityProvider: { types: ['ours+jwt'], algorithms: ['ES256', 'RS256'] },
    exchange: { accessToken: { audience: AUDIENCE, signingKeys: [signingKey] } },
  })
})
afterAll(() => closeUnharmed(host))

const reasonOf = (token: string) =>
  host.exchange.verifyAccessToken(token).then(
    () => 'accepted',
    (error) => error.reason,
  )

describe('an access token', () => {
  it.each([
    ['another type', { ...ownHeader, typ: 'JWT' }, 'type_not_allowed'],
    ['no type', { ...ownHeader, typ: undefined }, 'type_not_allowed'],
    ['another kid', { ...ownHeader, kid: 'else' }, 'unknown_key'],
    ['another alg', { ...ownHeader, alg: 'RS256' }, 'algorithm_not_allowed'],
    ['all as ours', ownHeader, 'bad_signature'],
  ])('with %s is refused before its payload is decoded', async (_, header, reason) => {
    for (const payload of [LONG_JUNK, '%', '', MANY_MEMBERS]) {
      expect(await reasonOf(`${encode(header)}.${payload}.${SIGNATURE}`)).toBe(reason)
    }
  })

  it('that we signed is refused all the same where its payload cannot be decoded', async () => {
    const claims = { ...goodClaims(host.idp), iss: ISSUER, aud: AUDIENCE, client_id: 'app' }
    const [header = '', payload = ''] = (await signAssertion(ownKey, ownHeader, claims)).split('.')
    expect(await reasonOf(signEncoded(ownKey, header, payload))).toBe('accepted')
    // By its lower bytes, which are what is signed, this is the same text.
    const disguised = `${payload.slice(0, -1)}${String.fromCharCode(payload.charCodeAt(payload.length - 1) + 0x100)}`
    const signature = signEncoded(ownKey, header, payload).split('.')[2]
    for (const altered of ['%%', `${payload}=`, `${payload}\n`, encodeTwice(payload)]) {
      expect(await reasonOf(signEncoded(ownKey, header, altered))).toBe('malformed_jwt')
    }
    expect(await reasonOf(`${header}.${disguised}.${signature}`)).toBe('malformed_jwt')
  })

  it('has a header of at most 4096 characters', async () => {
    const claims = { ...goodClaims(host.idp), iss: ISSUER, aud: AUDIENCE, client_id: 'app' }
    const ofLength = (length: number) => signAssertion(ownKey, { ...ownHeader, x: 'x'.repeat(length) }, claims)
    expect(await reasonOf(await ofLength(2900))).toBe('accepted')
    expect(await reasonOf(await ofLength(3100))).toBe('too_large')
  })

  it('of 15 KB costs little more to refuse than a short one', async () => {
    const short = `${encode({ ...ownHeader, typ: 'JWT' })}.${encode({ iss: 'x' })}.${SIGNATURE}`
    const long = `${encode({ ...ownHeader, typ: 'JWT' })}.${MANY_MEMBERS}.${SIGNATURE}`
    await leastTimeOf(short)
    expect(await leastTimeOf(long)).toBeLessThan(5 * (await leastTimeOf(short)))
  })
})

/** Milliseconds for twenty refusals: the least of many attempts, which no other process disturbs. */
async function leastTimeOf(token: string): Promise<number> {
  let least = Number.POSITIVE_INFINITY
  for (let attempt = 0; attempt < 50; attempt += 1) {
    const start = performance.now()
    for (let time = 0; time < 20; time += 1) await reasonOf(token)
    least = Math.min(least, performance.now() - start)
  }
  return least
}

/** The same claims, with a member twice. */
function encodeTwice(payload: string): string {
  const text = Buffer.from(payload, 'base64url').toString()
  return Buffer.from(text.replace('{', '{"sub":"mallory",')).toString('base64url')
}

describe('an assertion with a long payload', () => {
  it.each([
    ['an alg that no identity provider accepts', { alg: 'ES512' }, 'algorithm_not_allowed'],
    ['an HMAC', { alg: 'HS256' }, 'algorithm_not_allowed'],
    ['no signature', { alg: 'none' }, 'algorithm_not_allowed'],
    ['a typ that no identity provider accepts', { typ: 'at+jwt' }, 'type_not_allowed'],
  ])('and %s is refused before that is decoded', async (_, changes, reason) => {
    const header: Record<string, unknown> = { ...goodHeader(host.idp), ...changes }
    for (const payload of ['A'.repeat(15_000), MANY_MEMBERS]) {
      const token = `${encode(header)}.${payload}.${SIGNATURE}`
      await expectAssertionRefused(host, token, reason)
      const refusals = host.events.filter((event) => event.reason === reason)
      expect(refusals.at(-1)).toMatchObject({ algorithm: header.alg, kid: header.kid })
      const explained = await host.exchange.explain(token, { clientId: 'app' })
      expect(explained.reason).toBe(reason)
      if (payload === MANY_MEMBERS) {
        expect(explained.steps.find(({ outcome }) => outcome === 'failed')).toMatchObject({
          step: 'header',
          expected: 'alg and typ that one of the identity providers accepts',
        })
      }
      expect(explained.isAccepted).toBe(false)
    }
  })

  it('is decoded where one of them accepts the header', async () => {
    for (const changes of [{}, { typ: undefined }, { typ: 'OURS+JWT' }, { alg: 'RS256' }]) {
      const token = `${encode({ ...goodHeader(host.idp), ...changes })}.${MANY_MEMBERS}.${SIGNATURE}`
      await expectAssertionRefused(host, token, 'unknown_issuer')
    }
    const groups = Array.from({ length: 300 }, (_, index) => `group-${index}`)
    const response = await host.exchangeAssertion(await host.idp.issueAssertion({ groups }))
    expect(response.status).toBe(200)
  })

  it('tells whose it was where it is short, though its header is not accepted', async () => {
    const assertion = await host.idp.issueAssertion({}, { typ: 'at+jwt' })
    expect((await host.exchangeAssertion(assertion)).status).toBe(400)
    expect(host.events.at(-1)).toMatchObject({ reason: 'type_not_allowed', identityProvider: host.idp.name })
  })
})

describe('a long claim', () => {
  it('matches no pattern beyond 4096 characters, and is compared exactly as before', async () => {
    const started = await startExchangeHost({
      idp: { algorithm: 'ES256' },
      identityProvider: { allowedSubjects: ['team-*', 'alice'], requiredClaims: { ref: ['refs/*', 'main'] } },
    })
    const judge = async (claims: Record<string, unknown>) => {
      const assertion = await started.idp.issueAssertion({ ref: 'main', ...claims })
      const { status } = await started.exchangeAssertion(assertion)
      const { steps } = await started.exchange.explain(assertion, { clientId: 'app' })
      return status === 200 ? 'accepted' : [started.lastReason(), steps.find(({ hint }) => hint !== undefined)?.hint]
    }
    const hint = 'it is too long: a pattern matches at most 4096 characters'
    try {
      expect(await judge({ sub: `team-${'x'.repeat(4091)}` })).toBe('accepted')
      expect(await judge({ sub: `team-${'x'.repeat(4092)}` })).toEqual(['subject_not_allowed', hint])
      expect(await judge({ sub: 'alice', ref: `refs/${'x'.repeat(4091)}` })).toBe('accepted')
      expect(await judge({ sub: 'alice', ref: `refs/${'x'.repeat(4092)}` })).toEqual(['claim_not_allowed', hint])
    } finally {
      await started.close()
    }
  })
})
