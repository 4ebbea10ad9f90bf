import { afterEach, describe, expect, it } from '@jest/globals'
import type { IdentityProviderStore } from '../../src/index.js'
import { type AdminHost, CountingStore, ENTRY, startAdminHost } from '../support/admin-host.js'

type Call = 'find' | 'list' | 'get' | 'put' | 'remove'
type Fault = 'works' | 'throws' | 'rejects' | 'rejects with undefined' | 'hangs' | 'answers nonsense'

/** A store that fails on demand, in every call or in one. */
class FailingStore extends CountingStore {
  fault: Fault = 'works'
  /** undefined: all. */
  failing: Call | undefined

  override find(...given: Parameters<CountingStore['find']>) {
    return this.#call('find', () => super.find(...given))
  }

  override list(...given: Parameters<CountingStore['list']>) {
    return this.#call('list', () => super.list(...given))
  }

  override get(...given: Parameters<CountingStore['get']>) {
    return this.#call('get', () => super.get(...given))
  }

  override put(...given: Parameters<CountingStore['put']>) {
    return this.#call('put', () => super.put(...given))
  }

  override remove(...given: Parameters<CountingStore['remove']>) {
    return this.#call('remove', () => super.remove(...given))
  }

  #call<Result>(name: Call, call: () => Promise<Result>): Promise<Result> {
    if (this.failing !== undefined && this.failing !== name) return call()
    if (this.fault === 'throws') throw new Error('the database password is hunter2')
    if (this.fault === 'rejects') return Promise.reject(new Error('the database password is hunter2'))
    if (this.fault === 'rejects with undefined') return Promise.reject(undefined)
    if (this.fault === 'hangs') return new Promise(() => {})
    return this.fault === 'answers nonsense' ? Promise.resolve('hunter2' as never) : call()
  }
}

const hosts: AdminHost[] = []
afterEach(async () => {
  for (const host of hosts.splice(0)) await host.close()
})

async function start(): Promise<AdminHost & { store: FailingStore }> {
  const store = new FailingStore()
  const host = await startAdminHost({ store, admin: { timeout: 200 } })
  hosts.push(host)
  await store.put(ENTRY as Parameters<IdentityProviderStore['put']>[0])
  return { ...host, store }
}

const OTHER = { ...ENTRY, id: 'other', name: 'https://other.example' }
const PATH = '/identity-providers/acme'
const IF_MATCH = { 'if-match': '"r1"' }
const REQUESTS: [method: string, path: string, body?: unknown, headers?: Record<string, string>][] = [
  ['GET', '/identity-providers'],
  ['GET', PATH],
  ['GET', `${PATH}/keys`],
  ['POST', '/identity-providers', OTHER],
  ['PUT', PATH, ENTRY, IF_MATCH],
  ['PATCH', PATH, { scopes: ['a'] }, IF_MATCH],
  ['DELETE', PATH, undefined, IF_MATCH],
  ['POST', `${PATH}/disable`],
  ['POST', `${PATH}/enable`],
  ['POST', `${PATH}/refresh-keys`],
  ['POST', `${PATH}/test`],
  ['POST', '/identity-providers/check', { entry: ENTRY }],
  ['POST', '/identity-providers/test', { entry: ENTRY }],
]

describe('a request to the admin API', () => {
  it.each<Fault>(['throws', 'rejects', 'rejects with undefined', 'hangs', 'answers nonsense'])(
    'is answered with 503 and Retry-After if the store %s',
    async (fault) => {
      const { ask, store } = await start()
      store.fault = fault
      const answers = await Promise.all(
        REQUESTS.map(async ([method, path, body, headers]) => {
          return { request: `${method} ${path}`, ...(await ask(method, path, body, headers)) }
        }),
      )
      for (const { request, status, headers, text, body } of answers) {
        expect([request, status, headers['content-type'], headers['retry-after']]).toEqual([
          request,
          503,
          'application/problem+json',
          expect.stringMatching(/^\d+$/),
        ])
        expect(body.type).toBe('urn:express-jwt-exchange:problem:unavailable')
        expect(text).not.toContain('hunter2')
      }
      store.fault = 'works'
      expect((await ask('GET', PATH)).status).toBe(200)
    },
  )

  it.each<[Call, string, string, unknown]>([
    ['put', 'POST', '/identity-providers', OTHER],
    ['put', 'PUT', PATH, ENTRY],
    ['remove', 'DELETE', PATH, undefined],
  ])('is answered with 503 if only %s hangs, and emits no event of a change', async (call, method, path, body) => {
    const { ask, store } = await start()
    store.failing = call
    store.fault = 'hangs'
    const answer = await ask(method, path, body, IF_MATCH)
    expect(answer).toMatchObject({ status: 503, headers: { 'retry-after': '1' } })
    expect(answer.body.detail).toContain('may or may not be stored')
    const { events } = (await ask('GET', '/events')).body
    expect(events.map(({ name }: { name: string }) => name)).not.toContain('identity_provider.saved')
    expect(events.map(({ name }: { name: string }) => name)).not.toContain('identity_provider.deleted')
  })

  it.each<[Call, string, string, unknown]>([
    ['list', 'GET', '/identity-providers', undefined],
    ['find', 'POST', '/identity-providers', OTHER],
    ['find', 'POST', '/identity-providers/check', { entry: OTHER }],
    ['put', 'POST', '/identity-providers', OTHER],
  ])('says that the store has failed if %s rejects: %s %s', async (call, method, path, body) => {
    const { ask, store } = await start()
    store.failing = call
    store.fault = 'rejects'
    const answer = await ask(method, path, body)
    expect(answer.status).toBe(503)
    expect(answer.body.detail).toBe('The store of identity providers failed. Try again.')
  })

  it('does without the store if it does not need it', async () => {
    const { ask, store } = await start()
    store.fault = 'hangs'
    for (const path of [
      '/identity-providers/fixed',
      '/identity-providers/fixed/keys',
      '/events',
      '/stats',
      '/openapi.json',
    ]) {
      expect([path, (await ask('GET', path)).status]).toEqual([path, 200])
    }
    expect((await ask('POST', '/identity-providers/fixed/disable')).status).toBe(200)
  })
})
