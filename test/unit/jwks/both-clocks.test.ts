import type { KeyObject } from 'node:crypto'
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { isDependencyUnavailable, isTokenRejected } from '../../../src/errors/rejections.js'
import { ExchangeEventEmitter } from '../../../src/events/exchange-events.js'
import { DIRECT_CONNECTION } from '../../../src/guarded-fetch/connection-options.js'
import { JwksFetchError } from '../../../src/guarded-fetch/fetch-error.js'
import type { JwksAnswer, JwksFetch } from '../../../src/jwks/fetch-jwks.js'
import type { MetadataFetch } from '../../../src/jwks/fetch-metadata.js'
import { JwksClient } from '../../../src/jwks/jwks-client.js'
import { type FakeKey, generateFakeKey } from '../../../src/testing/index.js'
import { CertificateWarnings } from '../../../src/verification-keys/certificate-warnings.js'
import { AdjustableClock } from '../../support/adjustable-clock.js'
import { AdjustableTimers } from '../../support/adjustable-timers.js'
import { DEFAULT_SETTINGS } from '../../support/jwks-settings.js'

const WEEK = 7 * 86_400
const NAME = 'https://idp.example.com'
const KEYS_URL = 'https://idp.example.com/keys'
const [WITHDRAWN, KEY] = await Promise.all([generateFakeKey('ES256', 'withdrawn'), generateFakeKey('ES256', 'new')])

let clock: AdjustableClock
let timers: AdjustableTimers
let answer: (fetch: JwksFetch) => Promise<JwksAnswer>
let metadataAnswer: () => Promise<URL>
/** The URLs that were asked for, in order. */
let asked: string[]
let closing: AbortController

beforeEach(() => {
  clock = new AdjustableClock()
  timers = new AdjustableTimers(clock)
  asked = []
  closing = new AbortController()
  metadataAnswer = async () => new URL(KEYS_URL)
  publish(WITHDRAWN)
})
afterEach(() => closing.abort())

function createClient(metadataOf?: string): JwksClient {
  const events = new ExchangeEventEmitter()
  const url = metadataOf === undefined ? KEYS_URL : `${NAME}/.well-known/openid-configuration`
  const endpoint = { url, metadataOf, connection: DIRECT_CONNECTION, settings: DEFAULT_SETTINGS }
  return new JwksClient('us', endpoint, {
    clock,
    timers,
    random: () => 0.5,
    events,
    certificateWarnings: new CertificateWarnings({ clock, events }),
    fetchJwks: (fetch: JwksFetch) => {
      asked.push(fetch.endpoint.href)
      return answer(fetch)
    },
    fetchMetadata: (fetch: MetadataFetch) => {
      asked.push(fetch.endpoint.href)
      return metadataAnswer()
    },
    closing: closing.signal,
  })
}

function publish(...keys: FakeKey[]): void {
  const members = keys.map(({ publicJwk }) => publicJwk)
  answer = async () => ({
    published: { members, version: JSON.stringify(members) },
    validators: {},
    maxAge: undefined,
  })
}

function fail(): void {
  answer = async () => Promise.reject(new JwksFetchError('unexpected_status', { code: '500' }))
}

async function outcomeOf(client: JwksClient, kid: string): Promise<string> {
  const requireKeys = async () => client.requireKeys({ alg: 'ES256', kid })
  const finding: Promise<string> = requireKeys().then(
    (keys: readonly KeyObject[]) => (keys.length > 0 ? 'found' : 'nothing'),
    (error: unknown) => (isTokenRejected(error) || isDependencyUnavailable(error) ? error.reason : String(error)),
  )
  await timers.advance(0)
  return finding
}

/** What a suspended virtual machine and a frozen function see when they go on: the monotonic clock stood still. */
const suspend = (seconds: number) => clock.set(clock.now() + seconds)

describe('a machine that was suspended', () => {
  it('no longer accepts a key that was withdrawn meanwhile', async () => {
    const client = createClient()
    expect(await outcomeOf(client, 'withdrawn')).toBe('found')
    publish(KEY)
    suspend(WEEK)
    expect(await outcomeOf(client, 'withdrawn')).toBe('unknown_key')
    expect(await outcomeOf(client, 'new')).toBe('found')
  })

  it('no longer accepts old keys while the endpoint fails, where they are too old', async () => {
    const client = createClient()
    await outcomeOf(client, 'withdrawn')
    fail()
    suspend(300 + 3599)
    expect(await outcomeOf(client, 'withdrawn')).toBe('found')
    suspend(1)
    expect(await outcomeOf(client, 'withdrawn')).toBe('jwks_unavailable')
  })

  it('asks a failing endpoint again that was left alone before', async () => {
    const client = createClient()
    fail()
    expect(await outcomeOf(client, 'new')).toBe('jwks_unavailable')
    publish(KEY)
    expect(await outcomeOf(client, 'new')).toBe('jwks_unavailable')
    suspend(60)
    expect(await outcomeOf(client, 'new')).toBe('found')
  })

  it('waits for new keys again where the last failure is long ago, and does not serve old ones instead', async () => {
    const client = createClient()
    await outcomeOf(client, 'withdrawn')
    fail()
    clock.advance(300)
    expect(await outcomeOf(client, 'withdrawn')).toBe('found')
    publish(KEY)
    suspend(1800)
    expect(await outcomeOf(client, 'withdrawn')).toBe('unknown_key')
  })

  it('asks again for a kid that was not there before', async () => {
    const client = createClient()
    expect(await outcomeOf(client, 'new')).toBe('unknown_key')
    publish(KEY)
    suspend(30)
    expect(await outcomeOf(client, 'new')).toBe('found')
  })

  it('asks the metadata again where the key set is', async () => {
    const client = createClient(NAME)
    await outcomeOf(client, 'withdrawn')
    metadataAnswer = async () => new URL(`${KEYS_URL}/moved`)
    publish(KEY)
    asked.length = 0
    suspend(3600)
    expect(await outcomeOf(client, 'new')).toBe('found')
    expect(asked).toEqual([`${NAME}/.well-known/openid-configuration`, `${KEYS_URL}/moved`])
  })

  it('does not take an answer for fresh that was there before it was suspended', async () => {
    const client = createClient()
    const before = answer
    answer = async (fetch) => {
      publish(KEY)
      suspend(WEEK)
      return before(fetch)
    }
    expect(await outcomeOf(client, 'withdrawn')).toBe('jwks_unavailable')
    expect(await outcomeOf(client, 'withdrawn')).toBe('unknown_key')
    expect(await outcomeOf(client, 'new')).toBe('found')
  })
})

describe('a wall clock that is set back', () => {
  it('keeps no withdrawn key for longer', async () => {
    const client = createClient()
    await outcomeOf(client, 'withdrawn')
    publish(KEY)
    clock.set(clock.now() - WEEK)
    clock.advance(300)
    expect(await outcomeOf(client, 'withdrawn')).toBe('unknown_key')
  })

  it('keeps no old keys for longer while the endpoint fails', async () => {
    const client = createClient()
    await outcomeOf(client, 'withdrawn')
    fail()
    clock.set(clock.now() - WEEK)
    clock.advance(300 + 3600)
    expect(await outcomeOf(client, 'withdrawn')).toBe('jwks_unavailable')
  })
})

describe('a wall clock that is set ahead', () => {
  it('costs a fetch and no answer where the endpoint answers', async () => {
    const client = createClient()
    await outcomeOf(client, 'withdrawn')
    asked.length = 0
    clock.set(clock.now() + WEEK)
    expect([await outcomeOf(client, 'withdrawn'), asked.length]).toEqual(['found', 1])
    clock.set(clock.now() - WEEK)
    expect([await outcomeOf(client, 'withdrawn'), asked.length]).toEqual(['found', 1])
  })

  it('ends old keys while the endpoint fails only until it is set back', async () => {
    const client = createClient()
    await outcomeOf(client, 'withdrawn')
    fail()
    clock.set(clock.now() + WEEK)
    expect(await outcomeOf(client, 'withdrawn')).toBe('jwks_unavailable')
    clock.set(clock.now() - WEEK)
    expect(await outcomeOf(client, 'withdrawn')).toBe('found')
  })

  it('gives nothing back to the budget for unknown kids', async () => {
    const client = createClient()
    for (const kid of ['a', 'b', 'c', 'd']) await outcomeOf(client, kid)
    asked.length = 0
    clock.set(clock.now() + 299)
    expect([await outcomeOf(client, 'e'), asked]).toEqual(['unknown_key', []])
  })
})
