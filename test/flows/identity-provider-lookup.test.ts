import { setTimeout as pause } from 'node:timers/promises'
import { afterEach, describe, expect, it } from '@jest/globals'
import {
  createJwtExchange,
  type FindIdentityProvider,
  generateSigningKey,
  type IdentityProviderOptions,
  type JwtExchangeOptions,
} from '../../src/index.js'
import { FakeIdentityProvider } from '../../src/testing/index.js'
import { EC_CERTIFICATE } from '../support/certificates.js'
import {
  AUDIENCE,
  CLIENT,
  type ExchangeHost,
  ISSUER,
  startExchangeHost,
  TOKEN_ENDPOINT,
} from '../support/exchange-host.js'
import { MemoryIdentityProviderStore, SharedRegistrations } from '../support/memory-identity-provider-store.js'

/** A store that counts, and that fails or hangs when a test says so. */
class TestedStore extends MemoryIdentityProviderStore {
  readonly found: string[] = []
  before: () => void | Promise<void> = () => {}

  override async find(name: string) {
    this.found.push(name)
    await this.before()
    return super.find(name)
  }
  override async list(options = {}) {
    await this.before()
    return super.list(options)
  }
  override async get(id: string) {
    await this.before()
    return super.get(id)
  }
}

/** Of `reconfigure`, which needs all options. */
const OPTIONS = { issuer: ISSUER, clients: [CLIENT] }

const closers: (() => unknown)[] = []
afterEach(async () => {
  for (const close of closers.splice(0)) await close()
})

async function startIdp(): Promise<FakeIdentityProvider> {
  const idp = await FakeIdentityProvider.start({ alias: TOKEN_ENDPOINT, algorithm: 'ES256' })
  closers.push(() => idp.close())
  return idp
}

function entryOf(idp: FakeIdentityProvider, id = 'acme'): IdentityProviderOptions & { id: string } {
  return { id, name: idp.name, jwksUri: idp.jwksUri, allowedSubjects: 'any' }
}

interface Started {
  store: TestedStore
  host: ExchangeHost
  idp: FakeIdentityProvider
  /** Those of the host that are not its defaults. */
  options: Partial<JwtExchangeOptions>
}

/** An exchange with a store in which one identity provider is registered. */
async function start(exchange = {}, shared = new SharedRegistrations(), idp?: FakeIdentityProvider): Promise<Started> {
  const store = new TestedStore(shared)
  const registered = idp ?? (await startIdp())
  if (idp === undefined) await store.put(entryOf(registered))
  const options: Partial<JwtExchangeOptions> = { subject: 'namespaced', identityProviderStore: store, ...exchange }
  const host = await startExchangeHost({ exchange: options })
  closers.push(() => host.close())
  await host.exchange.ready()
  return { store, host, idp: registered, options }
}

async function outcomeOf(host: ExchangeHost, idp: FakeIdentityProvider, claims = {}) {
  const { status, body } = await host.exchangeAssertion(await idp.issueAssertion(claims))
  return status === 200 ? 200 : `${status} ${body.error} ${host.lastReason()}`
}

/** Until it holds, for a second at most. */
async function eventually(check: () => Promise<void> | void): Promise<void> {
  const end = Date.now() + 1000
  for (;;) {
    try {
      return await check()
    } catch (error) {
      if (Date.now() > end) throw error
      await pause(5)
    }
  }
}

describe('an identity provider of the store', () => {
  it('gets tokens, with a subject and an idp claim by its id, after one lookup', async () => {
    const { host, idp, store } = await start()
    const { status, body } = await host.exchangeAssertion(await idp.issueAssertion({ sub: 'alice' }))
    expect(status).toBe(200)
    expect(await host.exchange.verifyAccessToken(body.access_token)).toMatchObject({
      sub: 'acme|alice',
      identityProvider: 'acme',
    })
    for (let count = 0; count < 3; count += 1) expect(await outcomeOf(host, idp)).toBe(200)
    expect(store.found).toEqual([idp.name])
  })

  it('is an unknown issuer while it is not registered, and known within a second of the registration', async () => {
    const { host, store } = await start()
    const other = await startIdp()
    for (let count = 0; count < 3; count += 1) {
      expect(await outcomeOf(host, other)).toBe('400 invalid_grant unknown_issuer')
    }
    expect(store.found).toEqual([other.name])
    await store.put(entryOf(other, 'other'))
    await eventually(async () => expect(await outcomeOf(host, other)).toBe(200))
  })

  it('is compared exactly, even if the store ignores case', async () => {
    const { host, idp, store } = await start()
    store.find = async () => store.all()
    const { status } = await host.exchangeAssertion(await idp.issueAssertion({ iss: idp.name.toUpperCase() }))
    expect([status, host.lastReason()]).toEqual([400, 'unknown_issuer'])
  })

  it('has used an assertion up for good, even after it was changed, evicted, or given another condition', async () => {
    const { host, idp, store } = await start()
    const assertion = await idp.issueAssertion({ tenant: 'a' })
    expect((await host.exchangeAssertion(assertion)).status).toBe(200)
    await store.put({ ...entryOf(idp), registration: { claim: 'tenant', value: 'a' } })
    await eventually(async () => expect(await outcomeOf(host, idp)).toBe('400 invalid_grant unknown_registration'))
    expect((await host.exchangeAssertion(assertion)).status).toBe(400)
    expect(host.lastReason()).toBe('replayed')
  })

  it.each([
    ['the tolerance was lower meanwhile', { assertion: { clockTolerance: 10 } }, false],
    ['it was in the options meanwhile, with a lower one', { assertion: { clockTolerance: 600 } }, true],
  ])('has used an assertion up for good, even if %s', async (_, meanwhile, isInOptions) => {
    let seconds = Date.now() / 1000
    const { host, idp, options } = await start({
      ...OPTIONS,
      identityProviders: [],
      accessToken: { audience: AUDIENCE, signingKeys: [generateSigningKey()] },
      clock: { now: () => seconds, monotonic: () => seconds * 1000 },
      assertion: { clockTolerance: 600 },
    })
    const identityProviders = isInOptions ? [{ ...entryOf(idp, 'fixed'), clockTolerance: 10 }] : []
    host.exchange.reconfigure({ ...options, ...meanwhile, identityProviders } as JwtExchangeOptions)
    const assertion = await idp.issueAssertion({ exp: Math.floor(seconds) + 60 })
    expect((await host.exchangeAssertion(assertion)).status).toBe(200)
    host.exchange.reconfigure(options as JwtExchangeOptions)
    for (const later of [0, 140, 600]) {
      seconds += later
      expect((await host.exchangeAssertion(assertion)).status).toBe(400)
      expect(host.lastReason()).toBe(later < 600 ? 'replayed' : 'expired')
    }
  })

  it('is not moved into the options with a greater tolerance than it had', async () => {
    const accessToken = { audience: AUDIENCE, signingKeys: [generateSigningKey()] }
    const { host, idp, options } = await start({ ...OPTIONS, identityProviders: [], accessToken })
    const move = (clockTolerance: number) => {
      const identityProviders = [{ ...entryOf(idp, 'fixed'), clockTolerance }]
      host.exchange.reconfigure({ ...options, identityProviders } as JwtExchangeOptions)
    }
    expect(() => move(61)).toThrow('identityProviders[0].clockTolerance: got 61; expected at most 60, as at the start')
    move(60)
  })

  it('is refused within a second of being removed, and the event reports it', async () => {
    const { host, idp, store } = await start()
    expect(await outcomeOf(host, idp)).toBe(200)
    await store.remove('acme')
    await eventually(async () => expect(await outcomeOf(host, idp)).toBe('400 invalid_grant unknown_issuer'))
    expect(host.events).toContainEqual({
      name: 'identity_provider.removed',
      identityProvider: 'acme',
      issuer: idp.name,
    })
  })

  it('keeps its keys when it is changed', async () => {
    const { host, idp, store } = await start()
    expect(await outcomeOf(host, idp)).toBe(200)
    await store.put({ ...entryOf(idp), allowedSubjects: ['bob'] })
    await eventually(async () => expect(await outcomeOf(host, idp)).toBe('400 invalid_grant subject_not_allowed'))
    expect(await outcomeOf(host, idp, { sub: 'bob' })).toBe(200)
    expect(idp.fetches).toBe(1)
  })

  it('loses to an entry of the options with its name', async () => {
    const idp = await startIdp()
    const { host, store } = await start({
      identityProviders: [{ name: idp.name, jwksUri: idp.jwksUri, allowedSubjects: ['bob'] }],
    })
    await store.put(entryOf(idp, 'usurper'))
    expect(await outcomeOf(host, idp)).toBe('400 invalid_grant subject_not_allowed')
    expect(store.found).toEqual([])
  })
})

describe('a registration that cannot be used', () => {
  it.each([
    ['nothing restricts it', { allowedSubjects: undefined }, 'nothing restricts who is accepted'],
    ['an unknown option', { audience: 'x' }, 'audience'],
    ['a subject of its own', { subject: 'raw' }, 'two registrations could share a subject'],
    ['a longer assertion', { maxBytes: 1_000_000 }, 'at most 32768'],
    ['more tolerance', { clockTolerance: 600 }, 'at most 60'],
    ['callers without a client', { clientAuthentication: 'optional', scopes: ['openid'] }, 'may not accept requests'],
  ])('answers 503, and the event says why: %s', async (_, wrong, message) => {
    const { host, idp, store } = await start()
    await store.put(JSON.parse(JSON.stringify({ ...entryOf(idp), ...wrong })))
    await pause(20)
    expect(await outcomeOf(host, idp)).toBe('503 temporarily_unavailable invalid_registration')
    const event = host.events.find(({ name }) => name === 'identity_provider.invalid')
    expect(event).toMatchObject({ issuer: idp.name, message: expect.stringContaining(message) })
    expect(await host.exchange.checkIdentityProvider({ ...entryOf(idp), ...wrong })).toHaveLength(1)
  })

  it('is one whose id an entry of the options or another name has', async () => {
    const [idp, other] = [await startIdp(), await startIdp()]
    const { host, store } = await start({
      identityProviders: [{ name: idp.name, id: 'fixed', jwksUri: idp.jwksUri, allowedSubjects: 'any' }],
    })
    await store.put(entryOf(other, 'fixed'))
    expect(await outcomeOf(host, other)).toBe('503 temporarily_unavailable invalid_registration')
    expect(await host.exchange.checkIdentityProvider(entryOf(other, 'fixed'))).toMatchObject([
      { code: 'not_unique', path: ['id'] },
    ])
    expect(await host.exchange.checkIdentityProvider(entryOf(idp, 'second'))).toMatchObject([
      { code: 'not_unique', path: ['name'] },
    ])
  })

  it.each([
    ['id', { id: 'entra-globex' }],
    ['id', { id: 'https://login.example/globex/v2.0' }],
    ['name', { name: 'https://login.example/globex/v2.0' }],
  ])('is one whose %s a tenant of an entry of the options can have: %j', async (path, wrong) => {
    const ofTenants = {
      name: 'https://login.example/{tenantid}/v2.0',
      id: 'entra-{tenantid}',
      tenants: 'any' as const,
      certificates: [EC_CERTIFICATE],
      allowedSubjects: 'any' as const,
    }
    const { host, store } = await start({ identityProviders: [ofTenants] })
    const other = await startIdp()
    const entry = { ...entryOf(other, 'other'), ...wrong }
    expect(await host.exchange.checkIdentityProvider(entry)).toMatchObject([{ code: 'not_unique', path: [path] }])
    await store.put(entry)
    if (path === 'id') expect(await outcomeOf(host, other)).toBe('503 temporarily_unavailable invalid_registration')
  })

  it.each([
    ['raw', 'ci|${claims.job}'],
    ['raw', 'raw'],
    ['u|${claims.user}', 'u|${claims.other}'],
    ['namespaced', 'raw'],
    ['namespaced', '${claims.user}'],
  ])('could share subjects with an entry of the options, so these options are refused: %s, %s', (subject, own) => {
    const entry = {
      name: 'https://fixed.example',
      jwks: { keys: [] },
      allowedSubjects: 'any',
      subject: own,
      enabled: false,
    }
    const options = {
      issuer: 'https://api.example.com/oauth2',
      identityProviderStore: new TestedStore(),
      subject,
      identityProviders: [entry],
      clients: [CLIENT],
      accessToken: { audience: 'https://api.example.com' },
    }
    expect(() => createJwtExchange(options as never)).toThrow(
      /identityProviders\[0\]\.subject: its subjects (?:begin like those|can be those)/,
    )
  })

  it.each([
    ['namespaced', 'acme|${claims.job}', 'conflict'],
    ['namespaced', 'acme|x${claims.job}', 'conflict'],
    ['namespaced', 'acm|${claims.job}', undefined],
    ['u|${claims.user}', 'v|${claims.other}', undefined],
  ])('may not begin its subjects as an entry of the options does: %s, %s', async (subject, own, code) => {
    const fixed = {
      name: 'https://fixed.example',
      certificates: [EC_CERTIFICATE],
      allowedSubjects: 'any' as const,
      subject: own,
    }
    const { host, idp } = await start({ subject, identityProviders: [fixed] })
    const problems = await host.exchange.checkIdentityProvider({ ...entryOf(idp), subject: 'namespaced' })
    expect(problems[0]?.code).toBe(code)
  })

  it('is checked without an exception, whatever it is', async () => {
    const { host } = await start()
    for (const junk of [undefined, null, 1, 'text', [], {}, { name: {} }, { id: 'a', name: '\0' }]) {
      expect((await host.exchange.checkIdentityProvider(junk)).length).toBeGreaterThan(0)
    }
  })
})

describe('the kill switch', () => {
  it('ends tokens and access tokens in all processes within a second, and begins them again', async () => {
    const shared = new SharedRegistrations()
    const { host, idp } = await start({}, shared)
    const { host: second } = await start({}, shared, idp)
    const { host: third } = await start({}, shared, idp)
    const token = await host.exchangeAssertion(await idp.issueAssertion()).then(({ body }) => body.access_token)
    expect(await outcomeOf(second, idp)).toBe(200)
    await second.exchange.disableIdentityProvider('acme')
    expect(await outcomeOf(second, idp)).toBe('400 invalid_grant identity_provider_disabled')
    for (const each of [host, third]) {
      await eventually(async () =>
        expect(await outcomeOf(each, idp)).toBe('400 invalid_grant identity_provider_disabled'),
      )
    }
    await expect(host.exchange.verifyAccessToken(token)).rejects.toMatchObject({ reason: 'identity_provider_disabled' })
    await host.exchange.enableIdentityProvider('acme')
    for (const each of [host, second, third]) {
      await eventually(async () => expect(await outcomeOf(each, idp)).toBe(200))
    }
    expect(await host.exchange.verifyAccessToken(token)).toMatchObject({ identityProvider: 'acme' })
  })

  it('holds for access tokens in a process that starts later, and that never looked the provider up', async () => {
    const shared = new SharedRegistrations()
    const accessToken = { audience: 'https://api.example.com', signingKeys: [generateSigningKey()] }
    const { host, idp } = await start({ accessToken }, shared)
    const token = await host.exchangeAssertion(await idp.issueAssertion()).then(({ body }) => body.access_token)
    await host.exchange.disableIdentityProvider(idp.name)
    const { host: later, store } = await start({ accessToken }, shared, idp)
    await expect(later.exchange.verifyAccessToken(token)).rejects.toMatchObject({
      reason: 'identity_provider_disabled',
    })
    expect(store.found).toEqual([])
    await store.remove('acme')
    await pause(20)
    await expect(later.exchange.verifyAccessToken(token)).rejects.toMatchObject({
      reason: 'identity_provider_disabled',
    })
  })

  it('works here while the store fails, and says that others go on', async () => {
    const { host, idp, store } = await start()
    expect(await outcomeOf(host, idp)).toBe(200)
    store.before = () => {
      throw new Error('down')
    }
    await expect(host.exchange.disableIdentityProvider('acme')).rejects.toMatchObject({
      reason: 'identity_provider_lookup_failed',
    })
    expect(await outcomeOf(host, idp)).toBe('400 invalid_grant identity_provider_disabled')
    store.before = () => {}
    await host.exchange.enableIdentityProvider('acme')
    expect(await outcomeOf(host, idp)).toBe(200)
  })

  it('is reported once in each process, whether the identity provider was used there or not', async () => {
    const shared = new SharedRegistrations()
    const { host, idp } = await start({}, shared)
    const { host: unused } = await start({}, shared, idp)
    expect(await outcomeOf(host, idp)).toBe(200)
    const switches = (each: ExchangeHost) =>
      each.events.map(({ name }) => name).filter((name) => /^identity_provider\.(?:dis|en)abled$/.test(name))
    await unused.exchange.disableIdentityProvider('acme')
    await eventually(() =>
      expect([switches(host), switches(unused)]).toEqual([
        ['identity_provider.disabled'],
        ['identity_provider.disabled'],
      ]),
    )
    await host.exchange.enableIdentityProvider('acme')
    await eventually(() => {
      for (const each of [host, unused]) {
        expect(switches(each)).toEqual(['identity_provider.disabled', 'identity_provider.enabled'])
      }
    })
  })

  it('holds here while the store fails, also for one that was never looked up here', async () => {
    const shared = new SharedRegistrations()
    const accessToken = { audience: 'https://api.example.com', signingKeys: [generateSigningKey()] }
    const { host, idp } = await start({ accessToken }, shared)
    const token = await host.exchangeAssertion(await idp.issueAssertion()).then(({ body }) => body.access_token)
    const { host: second, store } = await start({ accessToken }, shared, idp)
    store.before = () => Promise.reject(new Error('down'))
    await expect(second.exchange.disableIdentityProvider('acme')).rejects.toMatchObject({
      name: 'DependencyUnavailable',
    })
    await expect(second.exchange.verifyAccessToken(token)).rejects.toMatchObject({
      reason: 'identity_provider_disabled',
    })
  })

  it('stays off here if it is switched off again after it was removed', async () => {
    const shared = new SharedRegistrations()
    const accessToken = { audience: 'https://api.example.com', signingKeys: [generateSigningKey()] }
    const { host, idp, store: first } = await start({ accessToken }, shared)
    const token = await host.exchangeAssertion(await idp.issueAssertion()).then(({ body }) => body.access_token)
    const { host: second, store } = await start({ accessToken }, shared, idp)
    store.before = () => Promise.reject(new Error('down'))
    await expect(second.exchange.disableIdentityProvider('acme')).rejects.toMatchObject({
      name: 'DependencyUnavailable',
    })
    store.before = () => {}
    await first.remove('acme')
    await expect(second.exchange.disableIdentityProvider('acme')).rejects.toMatchObject({ name: 'ConfigError' })
    await expect(second.exchange.verifyAccessToken(token)).rejects.toMatchObject({
      reason: 'identity_provider_disabled',
    })
  })

  it('refuses an id and a name that nobody has', async () => {
    const { host } = await start()
    for (const wrong of ['nobody', '', '__proto__']) {
      await expect(host.exchange.disableIdentityProvider(wrong)).rejects.toMatchObject({ name: 'ConfigError' })
      await expect(host.exchange.enableIdentityProvider(wrong)).rejects.toMatchObject({ name: 'ConfigError' })
      await expect(host.exchange.refreshKeys(wrong)).rejects.toMatchObject({ name: 'ConfigError' })
    }
  })

  it('loses no change that somebody else makes at the same time', async () => {
    const { host, store } = await start()
    const put = store.put.bind(store)
    let isFirst = true
    store.put = async (registration, options) => {
      const stored = store.read('acme')
      if (isFirst && stored !== undefined) {
        isFirst = false
        await put({ ...stored, description: 'changed meanwhile' })
      }
      return put(registration, options)
    }
    await host.exchange.disableIdentityProvider('acme')
    expect(store.read('acme')).toMatchObject({ description: 'changed meanwhile', enabled: false })
  })
})

describe('refreshKeys()', () => {
  it('fetches the keys in every process that uses them', async () => {
    const shared = new SharedRegistrations()
    const { host, idp } = await start({}, shared)
    const { host: second } = await start({}, shared, idp)
    for (const each of [host, second]) expect(await outcomeOf(each, idp)).toBe(200)
    expect(idp.fetches).toBe(2)
    expect(await host.exchange.refreshKeys('acme')).toMatchObject({ id: 'acme', state: 'ok', source: 'run_time' })
    await eventually(() => expect(idp.fetches).toBeGreaterThanOrEqual(4))
  })
})

describe('a store that fails', () => {
  const fail = () => {
    throw Object.assign(new Error('down'), { code: 'ECONNREFUSED' })
  }

  it('is bridged for what is known, and answers 503 for the rest, with one event', async () => {
    const { host, idp, store } = await start({ identityProviderLookup: { pollInterval: 100, timeout: 50 } })
    store.watch = undefined as never
    expect(await outcomeOf(host, idp)).toBe(200)
    store.before = fail
    for (const watcher of store.shared.watchers) watcher()
    expect(await outcomeOf(host, idp)).toBe(200)
    const other = await startIdp()
    const { status, headers } = await host.exchangeAssertion(await other.issueAssertion())
    expect([status, host.lastReason()]).toEqual([503, 'identity_provider_lookup_failed'])
    expect(headers['retry-after']).toBe('1')
    const failures = host.events.filter(({ name }) => name === 'identity_provider_lookup.failed')
    expect(failures).toEqual([{ name: 'identity_provider_lookup.failed', message: 'Error ECONNREFUSED' }])
    store.before = () => {}
    await pause(1050)
    expect(await outcomeOf(host, idp)).toBe(200)
    expect(host.events.map(({ name }) => name)).toContain('identity_provider_lookup.recovered')
  })

  it('is bridged only for maxStale', async () => {
    const { host, idp, store } = await start({ identityProviderLookup: { maxStale: 0 } })
    expect(await outcomeOf(host, idp)).toBe(200)
    store.before = fail
    for (const watcher of store.shared.watchers) watcher()
    expect(await outcomeOf(host, idp)).toBe('503 temporarily_unavailable identity_provider_lookup_failed')
  })

  it('is bridged only for maxStale, also if the options change meanwhile', async () => {
    let now = 0
    const clock = { now: () => Date.now() / 1000, monotonic: () => now }
    const signingKeys = [generateSigningKey()]
    const { host, idp, store, options } = await start({
      ...OPTIONS,
      accessToken: { audience: AUDIENCE, signingKeys },
      identityProviders: [],
      clock,
      identityProviderLookup: { maxStale: 1000 },
    })
    expect(await outcomeOf(host, idp)).toBe(200)
    store.before = fail
    for (const watcher of store.shared.watchers) watcher()
    now = 600
    host.exchange.reconfigure(options as JwtExchangeOptions)
    expect(await outcomeOf(host, idp)).toBe(200)
    now = 2001
    expect(await outcomeOf(host, idp)).toBe('503 temporarily_unavailable identity_provider_lookup_failed')
  })

  it('that hangs costs a request the timeout, then none until it may be asked again', async () => {
    const { host, store } = await start({ identityProviderLookup: { timeout: 50 } })
    store.before = () => new Promise(() => {})
    const other = await startIdp()
    expect(await outcomeOf(host, other)).toBe('503 temporarily_unavailable identity_provider_lookup_failed')
    for (let count = 0; count < 20; count += 1) await outcomeOf(host, other)
    expect(store.found.length).toBeLessThanOrEqual(2)
  })

  it('that does not say who is switched off gives 503 for access tokens, and not those of the options', async () => {
    const store = new TestedStore()
    store.before = fail
    const idp = await startIdp()
    const host = await startExchangeHost({
      exchange: {
        subject: 'namespaced',
        identityProviderStore: store,
        identityProviders: [{ name: idp.name, id: 'fixed', jwksUri: idp.jwksUri, allowedSubjects: 'any' }],
      },
    })
    closers.push(() => host.close())
    const { body } = await host.exchangeAssertion(await idp.issueAssertion())
    expect(await host.exchange.verifyAccessToken(body.access_token)).toMatchObject({ identityProvider: 'fixed' })
  })
})

describe('an answer of the store that is older than a change', () => {
  /** The next lookup answers with what the store had before the change, some time after the change was reported. */
  function answerLate(store: TestedStore, change: () => Promise<unknown>): void {
    const find = store.find.bind(store)
    store.find = async (name) => {
      store.find = find
      const answer = await find(name)
      await change()
      await pause(20)
      return answer
    }
  }

  it('does not switch on what was switched off, and neither its access tokens', async () => {
    const { host, idp, store } = await start()
    const { body } = await host.exchangeAssertion(await idp.issueAssertion())
    const other = await start({}, store.shared, idp)
    answerLate(other.store, () => store.put({ ...entryOf(idp), enabled: false }))
    expect(await outcomeOf(other.host, idp)).toBe('400 invalid_grant identity_provider_disabled')
    const verifying = async () => other.host.exchange.verifyAccessToken(body.access_token)
    await expect(verifying()).rejects.toMatchObject({ reason: 'identity_provider_disabled' })
  })

  it('does not bring back what was removed', async () => {
    const { host, idp, store } = await start()
    answerLate(store, () => store.remove('acme'))
    expect(await outcomeOf(host, idp)).toBe('400 invalid_grant unknown_issuer')
  })

  it('does not bring back the former name of a registration', async () => {
    const { host, idp, store } = await start()
    const other = await startIdp()
    answerLate(store, () => store.put(entryOf(other)))
    expect(await outcomeOf(host, idp)).toBe('400 invalid_grant unknown_issuer')
    expect(await outcomeOf(host, other)).toBe(200)
  })

  it('does not hide what was added', async () => {
    const { host, store } = await start()
    const other = await startIdp()
    answerLate(store, () => store.put(entryOf(other, 'other')))
    expect(await outcomeOf(host, other)).toBe(200)
  })

  it('is refused if there is no other, and asked for a bounded number of times', async () => {
    const { host, idp, store } = await start()
    store.before = () => {
      for (const watcher of store.shared.watchers) watcher()
    }
    expect(await outcomeOf(host, idp)).toBe('503 temporarily_unavailable identity_provider_lookup_failed')
    expect(store.found.length).toBe(3)
    store.before = () => {}
    expect(await outcomeOf(host, idp)).toBe(200)
  })

  it('does not settle who is switched off', async () => {
    const { host, idp, store } = await start()
    const { body } = await host.exchangeAssertion(await idp.issueAssertion())
    const unreported = new MemoryIdentityProviderStore(store.shared)
    unreported.report = () => {}
    const late = new TestedStore(store.shared)
    const list = late.list.bind(late)
    late.list = async (options) => {
      late.list = list
      const answer = await list(options)
      await unreported.put({ ...entryOf(idp), enabled: false })
      for (const watcher of store.shared.watchers) watcher()
      return answer
    }
    const other = await startExchangeHost({ exchange: { subject: 'namespaced', identityProviderStore: late } })
    closers.push(() => other.close())
    await other.exchange.ready()
    await eventually(async () => {
      const verifying = async () => other.exchange.verifyAccessToken(body.access_token)
      await expect(verifying()).rejects.toMatchObject({ reason: 'identity_provider_disabled' })
    })
  })
})

describe('an id that moves to another name', () => {
  it.each([
    ['with a watch', true],
    ['without a watch', false],
  ])('is that of the new name at once: %s', async (_, isWatched) => {
    const store = new TestedStore()
    if (!isWatched) store.watch = undefined as never
    const [idp, other] = [await startIdp(), await startIdp()]
    await store.put(entryOf(idp))
    const host = await startExchangeHost({ exchange: { subject: 'namespaced', identityProviderStore: store } })
    closers.push(() => host.close())
    expect(await outcomeOf(host, idp)).toBe(200)
    await store.put(entryOf(other))
    expect(await outcomeOf(host, other)).toBe(200)
    expect(await outcomeOf(host, idp)).toBe('400 invalid_grant unknown_issuer')
  })

  it('is refused while both names have it, and soon accepted when one has lost it', async () => {
    const store = new TestedStore()
    const [idp, other] = [await startIdp(), await startIdp()]
    let entries = [entryOf(idp), entryOf(other)]
    store.find = async (name) => entries.filter((each) => each.name === name) as never
    const host = await startExchangeHost({ exchange: { subject: 'namespaced', identityProviderStore: store } })
    closers.push(() => host.close())
    expect(await outcomeOf(host, idp)).toBe(200)
    for (let count = 0; count < 2; count += 1) {
      expect(await outcomeOf(host, other)).toBe('503 temporarily_unavailable invalid_registration')
    }
    expect(host.events.filter(({ name }) => name === 'identity_provider.invalid')).toHaveLength(1)
    entries = [entryOf(other)]
    await pause(1010)
    expect(await outcomeOf(host, other)).toBe(200)
  })
})

describe('a watch', () => {
  it.each<[string, TestedStore['watch'], number]>([
    [
      'throws',
      () => {
        throw new Error('no watch')
      },
      1,
    ],
    ['is asynchronous, and rejects', (async () => Promise.reject(new Error('no watch'))) as never, 1],
    [
      'reports at once',
      (onChange) => {
        onChange()
        return () => {}
      },
      0,
    ],
    ['returns nothing', (() => undefined) as never, 0],
  ])('that %s harms nobody, and what it does not report is found after pollInterval', async (_, watch, failures) => {
    const store = new TestedStore()
    store.watch = watch
    const idp = await startIdp()
    await store.put(entryOf(idp))
    const exchange = {
      subject: 'namespaced' as const,
      identityProviderStore: store,
      identityProviderLookup: { pollInterval: 100 },
    }
    const host = await startExchangeHost({ exchange })
    closers.push(() => host.close())
    const { body } = await host.exchangeAssertion(await idp.issueAssertion())
    expect(host.events.filter(({ name }) => name === 'identity_provider_lookup.failed')).toHaveLength(failures)
    await store.put({ ...entryOf(idp), enabled: false })
    if (failures === 0) return
    await eventually(async () => {
      const verifying = async () => host.exchange.verifyAccessToken(body.access_token)
      await expect(verifying()).rejects.toMatchObject({ reason: 'identity_provider_disabled' })
    })
    await eventually(async () => {
      expect(await outcomeOf(host, idp)).toBe('400 invalid_grant identity_provider_disabled')
    })
  })

  it('that goes on after its end has no effect', async () => {
    const { host, store } = await start()
    const watchers = [...store.shared.watchers]
    host.exchange.close()
    const before = [...host.events]
    for (const watcher of watchers) watcher({ id: 'acme', name: 'https://a.example', revision: '1', enabled: true })
    for (const watcher of watchers) watcher()
    expect(host.events).toEqual(before)
  })
})

describe('a flood of made-up issuers', () => {
  it('costs a bounded number of lookups, and evicts nobody', async () => {
    const { host, idp, store } = await start({ clock: { now: () => Date.now() / 1000, monotonic: () => 0 } })
    expect(await outcomeOf(host, idp)).toBe(200)
    const assertion = await idp.issueAssertion()
    const [header, payload, signature] = assertion.split('.') as [string, string, string]
    const claims = JSON.parse(Buffer.from(payload, 'base64url').toString())
    const forged = (index: number) =>
      [
        header,
        Buffer.from(JSON.stringify({ ...claims, iss: `https://${index}.example` })).toString('base64url'),
        signature,
      ].join('.')
    const statuses = new Map<string, number>()
    for (let round = 0; round < 22; round += 1) {
      await Promise.all(
        Array.from({ length: 50 }, async (_, index) => {
          const { status } = await host.exchangeAssertion(forged(round * 50 + index))
          const outcome = `${status} ${status === 400 ? 'unknown' : host.lastReason()}`
          statuses.set(outcome, (statuses.get(outcome) ?? 0) + 1)
        }),
      )
    }
    expect([...statuses.keys()].sort()).toEqual(['400 unknown', '503 identity_provider_lookup_limit_reached'])
    expect(store.found.length).toBe(1001)
    expect(await outcomeOf(host, idp)).toBe(200)
    expect(host.exchange.stats().identityProviderLookup).toMatchObject({ loaded: 1 })
  })

  it.each([
    '\0',
    ' https://idp.example',
    'https://idp.example\u200b',
    'x'.repeat(1001),
    7,
    null,
    ['https://a.example'],
  ])('asks the store for no name that cannot be registered: %j', async (iss) => {
    const { host, idp, store } = await start()
    expect(await outcomeOf(host, idp, { iss })).toBe('400 invalid_grant unknown_issuer')
    expect(store.found).toEqual([])
  })
})

describe('findIdentityProvider', () => {
  async function startWith(findIdentityProvider: FindIdentityProvider, exchange = {}): Promise<ExchangeHost> {
    const host = await startExchangeHost({ exchange: { subject: 'namespaced', findIdentityProvider, ...exchange } })
    closers.push(() => host.close())
    return host
  }

  it('may return the same object each time, and change it', async () => {
    const idp = await startIdp()
    const entry = { ...entryOf(idp), allowedSubjects: ['alice', 'bob'] }
    const host = await startWith(() => entry, { identityProviderLookup: { pollInterval: 100 } })
    expect(await outcomeOf(host, idp, { sub: 'alice' })).toBe(200)
    entry.allowedSubjects.pop()
    await pause(110)
    expect(await outcomeOf(host, idp, { sub: 'bob' })).toBe('400 invalid_grant subject_not_allowed')
    entry.enabled = false
    await pause(110)
    expect(await outcomeOf(host, idp, { sub: 'alice' })).toBe('400 invalid_grant identity_provider_disabled')
  })

  it('is asked at once when another one takes its place, also for what is being looked up', async () => {
    const [idp, late] = [await startIdp(), await startIdp()]
    let answer = (): void => {}
    const isAnswered = new Promise<void>((resolve) => {
      answer = resolve
    })
    const options = {
      ...OPTIONS,
      accessToken: { audience: AUDIENCE, signingKeys: [generateSigningKey()] },
      subject: 'namespaced' as const,
      identityProviders: [],
    }
    let isAsked = false
    const find: FindIdentityProvider = async (name) => {
      if (name === idp.name) return entryOf(idp)
      isAsked = true
      await isAnswered
      return entryOf(late, 'late')
    }
    const host = await startWith(find, options)
    expect(await outcomeOf(host, idp)).toBe(200)
    const waiting = outcomeOf(host, late)
    await eventually(() => expect(isAsked).toBe(true))
    host.exchange.reconfigure({ ...options, findIdentityProvider: () => undefined })
    answer()
    expect(await waiting).toBe('400 invalid_grant unknown_issuer')
    expect(await outcomeOf(host, idp)).toBe('400 invalid_grant unknown_issuer')
  })

  it('may return an entry that contains itself', async () => {
    const idp = await startIdp()
    const entry: Record<string, unknown> = { ...entryOf(idp) }
    entry.allowedSubjects = [entry]
    const host = await startWith(() => entry as never)
    expect(await outcomeOf(host, idp)).toBe('503 temporarily_unavailable invalid_registration')
  })

  it('may return an entry that cannot be read, which concerns its name only', async () => {
    const [idp, other] = [await startIdp(), await startIdp()]
    const entry = entryOf(idp)
    Object.defineProperty(entry, 'scopes', {
      enumerable: true,
      get: () => {
        throw new Error('unreadable')
      },
    })
    const host = await startWith((name) => (name === idp.name ? entry : entryOf(other, 'other')))
    expect(await outcomeOf(host, idp)).toMatch(/^503 temporarily_unavailable/)
    expect(await outcomeOf(host, other)).toBe(200)
  })

  it('finds more at once than are kept ready', async () => {
    const idp = await startIdp()
    let [asked, answer] = [0, () => {}]
    const all = new Promise<void>((resolve) => {
      answer = resolve
    })
    const find: FindIdentityProvider = async (name) => {
      asked += 1
      if (asked === 110) answer()
      await all
      return { ...entryOf(idp, name.slice('https://'.length)), name }
    }
    const host = await startWith(find, { identityProviderLookup: { maxIdentityProviders: 100 } })
    const outcomes = Array.from({ length: 110 }, (_, index) =>
      outcomeOf(host, idp, { iss: `https://${index}.example` }),
    )
    expect(new Set(await Promise.all(outcomes))).toEqual(new Set([200]))
    expect(host.exchange.stats().identityProviderLookup).toMatchObject({ loaded: 100 })
  })

  it('finds entries with functions, by a table of the host, and asks again after pollInterval', async () => {
    const idp = await startIdp()
    let isRegistered = true
    const asked: string[] = []
    const host = await startWith(
      async (name) => {
        asked.push(name)
        return isRegistered && name === idp.name
          ? { ...entryOf(idp), check: ({ sub }) => sub === 'alice' || 'only alice' }
          : undefined
      },
      { identityProviderLookup: { pollInterval: 100 } },
    )
    expect(await outcomeOf(host, idp, { sub: 'alice' })).toBe(200)
    expect(await outcomeOf(host, idp, { sub: 'bob' })).toBe('400 invalid_grant refused_by_check')
    expect(asked).toEqual([idp.name])
    isRegistered = false
    await pause(110)
    expect(await outcomeOf(host, idp, { sub: 'alice' })).toBe('400 invalid_grant unknown_issuer')
  })

  it.each([
    [
      'throws',
      () => {
        throw new Error('down')
      },
    ],
    ['rejects', () => Promise.reject(new Error('down'))],
    ['hangs', () => new Promise<undefined>(() => {})],
  ])('that %s is an outage', async (_, find) => {
    const idp = await startIdp()
    const host = await startWith(find, { identityProviderLookup: { timeout: 50 } })
    expect(await outcomeOf(host, idp)).toBe('503 temporarily_unavailable identity_provider_lookup_failed')
  })

  it.each([
    ['junk', 'text'],
    ['a number', 7],
    ['false', false],
    ['another name', { name: 'https://other.example' }],
  ])('that returns %s knows nobody', async (_, junk) => {
    const idp = await startIdp()
    const host = await startWith(() => junk as never)
    expect(await outcomeOf(host, idp)).toBe('400 invalid_grant unknown_issuer')
  })
})

describe('explain()', () => {
  const stepOf = async (host: ExchangeHost, idp: FakeIdentityProvider) => {
    const { steps } = await host.exchange.explain(await idp.issueAssertion(), { clientId: CLIENT.clientId })
    return steps.find(({ step }) => step === 'iss')
  }

  it('looks the identity provider up, and says why it cannot', async () => {
    const { host, idp, store } = await start()
    expect(await stepOf(host, idp)).toMatchObject({ outcome: 'passed' })
    const other = await startIdp()
    expect(await stepOf(host, other)).toMatchObject({ outcome: 'failed', reason: 'unknown_issuer' })
    await store.put({ ...entryOf(idp), maxBytes: 1_000_000 })
    await pause(20)
    expect(await stepOf(host, idp)).toMatchObject({ outcome: 'failed', reason: 'invalid_registration' })
    store.before = () => Promise.reject(new Error('down'))
    const third = await startIdp()
    expect(await stepOf(host, third)).toMatchObject({ outcome: 'failed', reason: 'identity_provider_lookup_failed' })
  })
})

describe('testIdentityProvider()', () => {
  it('fetches the keys of an entry, keeps nothing, and reports nothing', async () => {
    const { host } = await start()
    const idp = await startIdp()
    const before = host.events.length
    expect(await host.exchange.testIdentityProvider(entryOf(idp, 'tried'))).toMatchObject({ id: 'tried', state: 'ok' })
    await idp.fault('oversize')
    expect(await host.exchange.testIdentityProvider(entryOf(idp, 'tried'))).toMatchObject({
      state: 'down',
      lastFailure: { reason: 'too_large' },
    })
    expect(host.events.length).toBe(before)
    expect(host.exchange.stats().identityProviders.map(({ id }) => id)).not.toContain('tried')
    await expect(host.exchange.testIdentityProvider({ name: 'x' })).rejects.toMatchObject({ name: 'ConfigError' })
  })
})
