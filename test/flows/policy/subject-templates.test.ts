import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import request from 'supertest'
import {
  createJwtExchange,
  generateSigningKey,
  type IdentityProviderOptions,
  type JwtExchange,
  type JwtExchangeOptions,
  MemoryReplayStore,
  type SubjectOption,
} from '../../../src/index.js'
import { FakeIdentityProvider } from '../../../src/testing/index.js'
import { AdjustableClock } from '../../support/adjustable-clock.js'
import { type ClockedHost, refused, startClockedHost } from '../../support/clocked-host.js'
import { AUDIENCE, CLIENT, ISSUER } from '../../support/exchange-host.js'
import { expectAssertionRefused, expectCleanEvents, expectUnavailable } from '../../support/expect-refusal.js'

const PLACE = '${claims.repository_id}'
const TEMPLATE = 'ci|${claims.repository_id}|${claims.environment}'

const hosts: ClockedHost[] = []
afterAll(() => Promise.all(hosts.map((host) => host.close())))

async function startWith(subject: SubjectOption, exchange: Partial<JwtExchangeOptions> = {}): Promise<ClockedHost> {
  const host = await startClockedHost({ identityProvider: { subject }, exchange })
  hosts.push(host)
  return host
}

function create(identityProviders: readonly Partial<IdentityProviderOptions>[], others: object = {}): JwtExchange {
  const idp = (each: object, index: number) => ({
    name: `https://idp-${index}.example.com`,
    allowedSubjects: 'any' as const,
    jwksUri: 'https://idp.example.com/jwks',
    alias: `alias ${index}`,
    ...each,
  })
  return createJwtExchange({
    issuer: ISSUER,
    identityProviders: identityProviders.map(idp),
    clients: [CLIENT],
    accessToken: { audience: AUDIENCE, signingKeys: [generateSigningKey()] },
    ...others,
  })
}

/** The `sub` of the access token, or the reason for which there is none. */
async function subjectOf(host: ClockedHost, claims: object): Promise<string | undefined> {
  const { status, body } = await host.exchangeAssertion(await host.assertion({ ...claims }))
  if (status !== 200) return host.lastReason()
  return (await host.exchange.verifyAccessToken(body.access_token)).sub
}

describe('a subject that cannot be meant', () => {
  it.each<[string, unknown]>([
    ['empty', ''],
    ['a misspelled keyword', 'Raw'],
    ['text without a claim', 'ci'],
    ['two claims side by side', '${claims.a}${claims.b}'],
    ['a variable', '${HOME}|${claims.sub}'],
    ['an empty place', '${claims.}'],
    ['a malformed path', '${claims.a..b}'],
    ['a place that does not end', '${claims.sub}|${claims.a'],
    ['longer than 1024 characters', `${'x'.repeat(1024)}\${claims.sub}`],
    ['null', null],
    ['false', false],
    ['a number', 7],
    ['an object', { template: '${claims.sub}' }],
    ['an array', ['${claims.sub}']],
  ])('is refused at the start, at the top and in an entry: %s', (_, subject) => {
    expect(() => create([{}], { subject }).close()).toThrow(/ subject: (got|missing)/)
    expect(() => create([{ subject: subject as SubjectOption }]).close()).toThrow('identityProviders[0].subject: got')
  })

  it('is a missing one where several identity providers could make one subject of two callers', () => {
    const wanted = /subject: (missing|got undefined); expected "namespaced", "raw", a template or a function/
    expect(() => create([{}, {}]).close()).toThrow(wanted)
    expect(() => create([{ subject: 'raw' }, {}]).close()).toThrow(wanted)
    expect(() => create([{ subject: undefined as unknown as string }, { subject: 'raw' }]).close()).toThrow(wanted)
    expect(() => create([{ enabled: false }, { subject: 'raw' }]).close()).toThrow(wanted)
  })

  it('is none that is said at the top, or in every entry', () => {
    create([{}, { subject: TEMPLATE }], { subject: 'namespaced' }).close()
    create([{ subject: 'namespaced' }, { subject: TEMPLATE }]).close()
    create([{ subject: 'namespaced' }, { subject: ({ sub }) => sub }]).close()
    create([{}]).close()
  })
})

describe('a template', () => {
  let host: ClockedHost
  beforeAll(async () => {
    host = await startWith(TEMPLATE)
  })
  afterAll(() => expectCleanEvents(host))
  const GOOD = { repository_id: '5678', environment: 'production' }

  it.each<[string, object]>([
    ['is missing', { repository_id: undefined }],
    ['is empty', { repository_id: '' }],
    ['is null', { repository_id: null }],
    ['is a number', { repository_id: 5678 }],
    ['is true', { repository_id: true }],
    ['is an array with the text', { repository_id: ['5678'] }],
    ['is an object', { repository_id: { id: '5678' } }],
    ['at the end is missing', { environment: undefined }],
    ['at the end is empty', { environment: '' }],
    ['at the end is a number', { environment: 1 }],
    ['holds the text that follows it', { repository_id: '5678|production' }],
    ['is the text that follows it', { repository_id: '|' }],
    ['ends with the text that follows it', { repository_id: '5678|' }],
    ['has a control character', { environment: 'production\n' }],
    ['has a null character', { repository_id: '56\u000078' }],
    ['has half a surrogate pair', { environment: '\ud800' }],
    ['is in another case', { repository_id: undefined, Repository_id: '5678' }],
  ])(
    'makes no subject, at the token endpoint and behind the assertion strategy, where a claim %s',
    async (_, claims) => {
      await expectAssertionRefused(host, await host.assertion({ ...GOOD, ...claims }), 'invalid_subject')
    },
  )

  it('makes no subject of more than 16 384 characters', async () => {
    const longest = 16_384 - 'ci|1|'.length
    expect(await subjectOf(host, { repository_id: '1', environment: 'x'.repeat(longest + 1) })).toBe('invalid_subject')
    expect(await subjectOf(host, { repository_id: '1', environment: 'x'.repeat(longest) })).toHaveLength(16_384)
  })

  it('has the claims put in, and the sub of the assertion nowhere else', async () => {
    expect(await subjectOf(host, GOOD)).toBe('ci|5678|production')
    expect(await subjectOf(host, { ...GOOD, sub: 'somebody else' })).toBe('ci|5678|production')
    expect(await subjectOf(host, { ...GOOD, environment: 'a|b' })).toBe('ci|5678|a|b')
    expect(await subjectOf(host, { ...GOOD, environment: '${claims.sub}$&%7C\\' })).toBe('ci|5678|${claims.sub}$&%7C\\')
    expect(host.events.at(-1)).toMatchObject({ name: 'token.issued', subject: 'ci|5678|${claims.sub}$&%7C\\' })
  })

  it('needs a sub in the assertion all the same (RFC 7523 §3, 2)', async () => {
    for (const sub of [undefined, '', 7, null])
      expect(await host.judge(await host.assertion({ ...GOOD, sub }))).toEqual(refused('invalid_subject'))
  })

  it('never makes one subject of two callers', async () => {
    const parts = ['a', 'b', '|', 'a|', '|a', 'a|b', '||', 'b|a|b']
    const made = new Map<string, string>()
    for (const repository_id of parts)
      for (const environment of parts) {
        const subject = String(await subjectOf(host, { repository_id, environment }))
        if (subject === 'invalid_subject') continue
        const caller = JSON.stringify([repository_id, environment])
        expect(made.get(subject) ?? caller).toBe(caller)
        made.set(subject, caller)
      }
    expect(made.size).toBe(2 * parts.length)
  })

  it('gives its subject to the caller behind the assertion strategy, too', async () => {
    const { body } = await request(host.url)
      .get('/whoami')
      .auth(await host.assertion(GOOD), { type: 'bearer' })
    expect(body).toMatchObject({ sub: 'ci|5678|production', payload: { sub: 'alice' } })
  })

  it.each([
    ['${claims.sub}', 'alice'],
    ['user:${claims.sub}@acme', 'user:alice@acme'],
    ['${claims."kubernetes.io".namespace}/${claims./kubernetes.io/pod/name}', 'shop/orders-1'],
    ['${claims.https://example.com/tenant}|${claims.sub}', 'acme|alice'],
  ])('may be %s', async (template, expected) => {
    const claims = {
      'kubernetes.io': { namespace: 'shop', pod: { name: 'orders-1' } },
      'https://example.com/tenant': 'acme',
    }
    expect(await subjectOf(await startWith(template), claims)).toBe(expected)
  })

  it('never makes the id of a client the subject (RFC 9700 §4.15)', async () => {
    const bare = await startWith(PLACE)
    expect(await subjectOf(bare, { repository_id: CLIENT.clientId })).toBe('subject_is_client_id')
    expect(await subjectOf(bare, { repository_id: `${CLIENT.clientId}2` })).toBe('app2')
    expect(await subjectOf(await startWith('a${claims.end}'), { end: 'pp' })).toBe('subject_is_client_id')
  })

  it('does not use up the assertion that it makes no subject of', async () => {
    const store = new MemoryReplayStore({ clock: new AdjustableClock() })
    const narrow = await startWith(TEMPLATE, { replay: { store } })
    const wide = await startClockedHost({
      exchange: {
        replay: { store },
        identityProviders: [
          {
            name: narrow.idp.name,
            allowedSubjects: 'any' as const,
            jwksUri: narrow.idp.jwksUri,
            subject: 'ci|${claims.sub}',
          },
        ],
      },
    })
    hosts.push(wide)
    const assertion = await narrow.assertion()
    expect(await narrow.judge(assertion)).toEqual(refused('invalid_subject'))
    expect((await wide.judge(assertion)).status).toBe(200)
    expect(await wide.judge(assertion)).toEqual(refused('replayed'))
  })

  it('is asked after the rules, and before the bindings', async () => {
    const strict = await startClockedHost({
      identityProvider: {
        subject: TEMPLATE,
        requiredClaims: { ok: true },
        bindings: [{ name: 'x', when: { ref: 'main' } }],
      },
    })
    hosts.push(strict)
    expect(await subjectOf(strict, {})).toBe('claim_not_allowed')
    expect(await subjectOf(strict, { ok: true })).toBe('invalid_subject')
    expect(await subjectOf(strict, { ok: true, ...GOOD })).toBe('no_binding_matches')
  })
})

describe('a function', () => {
  it.each<[string, () => unknown, string]>([
    ['nothing', () => undefined, 'invalid_subject'],
    ['a number', () => 7, 'invalid_subject'],
    ['an empty text', () => '', 'invalid_subject'],
    ['a control character', () => 'a\tb', 'invalid_subject'],
    ['a promise of nothing', () => Promise.resolve(), 'invalid_subject'],
    ['a text', () => 'x', 'x'],
    ['a promise of a text', () => Promise.resolve('y'), 'y'],
  ])('in an entry may give %s', async (_, map, expected) => {
    expect(await subjectOf(await startWith(map as () => string), {})).toBe(expected)
  })

  it('that fails is an outage of ours, and does not use up the assertion', async () => {
    let isDown = true
    const host = await startWith(({ sub, identityProvider, claims }) => {
      if (isDown) throw new Error('the directory is down')
      return `${sub} ${claims.team} ${identityProvider}`
    })
    const assertion = await host.assertion({ team: 'a' })
    await expectUnavailable(host.exchangeAssertion(assertion), host, 'subject_mapping_failed')
    isDown = false
    const { body } = await host.exchangeAssertion(assertion)
    expect((await host.exchange.verifyAccessToken(body.access_token)).sub).toBe(`alice a ${host.idp.name}`)
  })
})

describe('subjects of several identity providers', () => {
  let first: FakeIdentityProvider
  let second: FakeIdentityProvider
  let third: FakeIdentityProvider
  let host: ClockedHost
  beforeAll(async () => {
    first = await FakeIdentityProvider.start({ algorithm: 'ES256' })
    second = await FakeIdentityProvider.start({ algorithm: 'ES256' })
    third = await FakeIdentityProvider.start({ algorithm: 'ES256' })
    host = await startClockedHost({
      exchange: {
        subject: 'namespaced',
        identityProviders: [
          { name: first.name, allowedSubjects: 'any' as const, jwksUri: first.jwksUri },
          {
            name: second.name,
            allowedSubjects: 'any' as const,
            jwksUri: second.jwksUri,
            subject: 'ci|${claims.repository_id}',
          },
          {
            name: third.name,
            allowedSubjects: 'any' as const,
            jwksUri: third.jwksUri,
            subject: ({ sub, identityProvider }) => `${identityProvider} ${sub}`,
          },
        ],
      },
    })
    hosts.push(host)
  })
  afterAll(() => Promise.all([first.close(), second.close(), third.close()]))

  const subjectBy = async (idp: FakeIdentityProvider, claims: object = {}) => {
    const now = Math.floor(host.clock.now())
    const assertion = await idp.issueAssertion({ iat: now, exp: now + 300, ...claims })
    const { status, body } = await host.exchangeAssertion(assertion)
    return status === 200 ? (await host.exchange.verifyAccessToken(body.access_token)).sub : host.lastReason()
  }

  it('are made by each as its entry says, else as the top says', async () => {
    expect(await subjectBy(first)).toBe(`${first.name}|alice`)
    expect(await subjectBy(first, { repository_id: '5678' })).toBe(`${first.name}|alice`)
    expect(await subjectBy(second, { repository_id: '5678' })).toBe('ci|5678')
    expect(await subjectBy(second)).toBe('invalid_subject')
    expect(await subjectBy(third)).toBe(`${third.name} alice`)
  })

  it('are made by none for another one', async () => {
    expect(await subjectBy(second, { iss: first.name, repository_id: '5678' })).toBe('unknown_key')
  })
})
