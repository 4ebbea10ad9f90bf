import { afterAll, describe, expect, it } from '@jest/globals'
import request from 'supertest'
import { createJwtExchange, type IdentityProviderOptions, type PolicyOptions } from '../../../src/index.js'
import { type ClockedHost, startClockedHost } from '../../support/clocked-host.js'
import { AUDIENCE, CLIENT, ISSUER } from '../../support/exchange-host.js'

const hosts: ClockedHost[] = []
afterAll(() => Promise.all(hosts.map((host) => host.close())))

async function startWith(policy: PolicyOptions): Promise<ClockedHost> {
  const host = await startClockedHost({ identityProvider: policy })
  hosts.push(host)
  return host
}

function problemsOf(policy: object): string {
  const identityProvider = {
    name: 'https://idp.example.com',
    allowedSubjects: 'any',
    jwksUri: 'https://idp.example.com/jwks',
    ...policy,
  }
  try {
    createJwtExchange({
      issuer: ISSUER,
      identityProviders: [identityProvider as IdentityProviderOptions],
      clients: [CLIENT],
      accessToken: { audience: AUDIENCE },
    }).close()
    return ''
  } catch (error) {
    return String(error)
  }
}

describe('a policy that cannot be meant', () => {
  it.each([
    ['no subjects', { allowedSubjects: [] }, 'allowedSubjects'],
    ['subjects that are text', { allowedSubjects: 'alice' }, 'allowedSubjects'],
    ['subjects that are misspelled', { allowedSubjects: 'Any' }, 'allowedSubjects'],
    ['subjects that are undefined', { allowedSubjects: undefined }, 'allowedSubjects'],
    ['subjects that are null', { allowedSubjects: null }, 'allowedSubjects'],
    ['"any" in an array', { allowedSubjects: ['any'] }, 'allowedSubjects[0]'],
    ['a subject with a regular expression', { allowedSubjects: ['alice', '^repo:acme/.*$'] }, 'allowedSubjects[1]'],
    ['an empty subject', { allowedSubjects: ['alice', ''] }, 'allowedSubjects[1]'],
    ['a subject that is a number', { allowedSubjects: [7] }, 'allowedSubjects[0]'],
    ['a subject that is too long', { allowedSubjects: ['x'.repeat(1025)] }, 'allowedSubjects[0]'],
    ['a subject that is a regular expression', { allowedSubjects: [/a+/] }, 'allowedSubjects[0]'],
    ['no claims', { requiredClaims: {} }, 'requiredClaims'],
    ['claims that are undefined', { requiredClaims: undefined }, 'requiredClaims'],
    ['claims that are an array', { requiredClaims: [] }, 'requiredClaims'],
    ['a claim that is undefined', { requiredClaims: { a: undefined } }, 'requiredClaims.a'],
    ['a claim without a condition', { requiredClaims: { a: {} } }, 'requiredClaims.a'],
    ['a claim with a message alone', { requiredClaims: { a: { message: 'no' } } }, 'requiredClaims.a'],
    ['an unknown operator', { requiredClaims: { a: { equal: 1 } } }, 'requiredClaims.a.equal'],
    ['a malformed path', { requiredClaims: { 'a..b': 1 } }, 'requiredClaims'],
    ['one of nothing', { requiredClaims: { a: [] } }, 'requiredClaims.a'],
    ['a check that is no function', { check: 'true' }, 'check'],
    ['a check that is undefined', { check: undefined }, 'check'],
  ])('is refused at the start: %s', (_, policy, place) => {
    expect(problemsOf(policy)).toContain(`identityProviders[0].${place}`)
  })

  it('is told with all its problems at once', () => {
    const told = problemsOf({ allowedSubjects: [], requiredClaims: { a: { atLeast: '1' } }, check: 1 })
    for (const place of ['allowedSubjects', 'requiredClaims.a.atLeast', 'check']) expect(told).toContain(place)
  })
})

describe('the rules', () => {
  it('are asked in their order: subjects, claims as they are written, check', async () => {
    const asked: string[] = []
    const check = () => {
      asked.push('check')
      return 'never'
    }
    const host = await startWith({ allowedSubjects: ['bob'], requiredClaims: { first: 1, second: 2 }, check })
    expect((await host.judge(await host.assertion())).reason).toBe('subject_not_allowed')
    expect((await host.judge(await host.assertion({ sub: 'bob' }))).reason).toBe('claim_not_allowed')
    expect(host.events.at(-1)?.claim).toBe('first')
    expect((await host.judge(await host.assertion({ sub: 'bob', first: 1 }))).reason).toBe('claim_not_allowed')
    expect(host.events.at(-1)?.claim).toBe('second')
    expect(asked).toEqual([])
    expect((await host.judge(await host.assertion({ sub: 'bob', first: 1, second: 2 }))).reason).toBe(
      'refused_by_check',
    )
    expect(asked).toEqual(['check'])
  })

  it('are asked after the signature, and never of a forged assertion', async () => {
    let asked = 0
    const host = await startWith({
      check: () => {
        asked += 1
        return true
      },
    })
    const assertion = await host.assertion()
    expect((await host.judge(`${assertion.slice(0, -4)}AAAA`)).reason).toBe('bad_signature')
    expect((await host.judge(await host.assertion({ aud: 'somebody else' }))).reason).toBe('wrong_audience')
    expect(asked).toBe(0)
    expect((await host.judge(assertion)).status).toBe(200)
    expect(asked).toBe(1)
  })

  it('do not use up the assertion that they refuse', async () => {
    let isOpen = false
    const host = await startWith({ check: () => isOpen || 'closed' })
    const assertion = await host.assertion()
    expect((await host.judge(assertion)).reason).toBe('refused_by_check')
    isOpen = true
    expect((await host.judge(assertion)).status).toBe(200)
    expect((await host.judge(assertion)).reason).toBe('replayed')
  })

  it('hold behind the assertion strategy, too', async () => {
    const host = await startWith({ allowedSubjects: ['bob'], requiredClaims: { level: { atLeast: 2 } } })
    await host.exchange.ready()
    const get = async (claims: object) =>
      request(host.url)
        .get('/whoami')
        .auth(await host.assertion({ ...claims }), { type: 'bearer' })
    expect([(await get({ level: 2 })).status, host.lastReason()]).toEqual([401, 'subject_not_allowed'])
    expect([(await get({ sub: 'bob', level: 1 })).status, host.lastReason()]).toEqual([401, 'claim_not_allowed'])
    expect((await get({ sub: 'bob', level: 2 })).status).toBe(200)
  })
})

describe('a check', () => {
  const NOT_TRUE: [string, unknown][] = [
    ['false', false],
    ['nothing', undefined],
    ['null', null],
    ['1', 1],
    ['the text true', 'true'],
    ['an empty text', ''],
    ['an object', {}],
    ['a function', () => true],
    ['a promise of false', Promise.resolve(false)],
    ['a promise of a text', Promise.resolve('no')],
  ]
  it.each(NOT_TRUE)('refuses by anything but true: %s', async (_, verdict) => {
    const host = await startWith({ check: (() => verdict) as NonNullable<PolicyOptions['check']> })
    expect(await host.judge(await host.assertion())).toMatchObject({ status: 400, reason: 'refused_by_check' })
  })

  it('accepts by true, and by a promise of it', async () => {
    for (const verdict of [true as const, Promise.resolve(true as const)]) {
      const host = await startWith({ check: () => verdict })
      expect((await host.judge(await host.assertion())).status).toBe(200)
    }
  })

  it.each([
    [
      'throws',
      () => {
        throw new Error('the directory is down')
      },
    ],
    ['rejects', () => Promise.reject(new Error('the directory is down'))],
  ])('that %s is an outage of ours: 503', async (_, check) => {
    const host = await startWith({ check })
    const response = await host.exchangeAssertion(await host.assertion())
    expect([response.status, response.body.error]).toEqual([503, 'temporarily_unavailable'])
    expect(response.headers['retry-after']).toBeDefined()
    expect(JSON.stringify(response.body)).not.toContain('directory')
    expect(host.events.at(-1)).toMatchObject({ reason: 'policy_check_failed', cause: 'Error' })
  })

  it('is told the claims, the identity provider and the client', async () => {
    const told: unknown[] = []
    const host = await startWith({
      check: (claims, context) => {
        told.push([claims.sub, context])
        return true
      },
    })
    expect((await host.judge(await host.assertion())).status).toBe(200)
    expect(told).toEqual([['alice', { identityProvider: host.idp.name, clientId: CLIENT.clientId }]])
  })

  it('has its text told to the operator, escaped and cut, and not to the client', async () => {
    const host = await startWith({ check: () => `line\n${'x'.repeat(500)}` })
    const { body } = await host.exchangeAssertion(await host.assertion())
    expect(body.error_description).toBe('The assertion is not valid')
    const message = String(host.events.at(-1)?.message)
    expect([message.length, message.startsWith('line\\u000axxx')]).toEqual([200, true])
  })
})
