import type { JsonWebKey, KeyObject } from 'node:crypto'
import { JwksFetchError } from '../../src/guarded-fetch/fetch-error.js'
import type { JwksAnswer, JwksFetch } from '../../src/jwks/fetch-jwks.js'
import { generatePair } from '../support/generate-pair.js'
import type { SeededRandom } from './seeded-random.js'
import type { VirtualTime } from './virtual-time.js'

/** `slow` still answers in time; `lame` answers too late for the deadline. */
export type Fault = 'off' | 'refused' | 'hanging' | 'error' | 'too_many' | 'garbage' | 'empty' | 'slow' | 'lame'
export const FAULTS = ['refused', 'hanging', 'error', 'too_many', 'garbage', 'empty', 'slow', 'lame'] as const

export interface SimulatedKey {
  kid: string
  publicKey: KeyObject
  publicJwk: JsonWebKey
  publishedAt: number
  /** undefined while it is published. */
  withdrawnAt: number | undefined
}

export interface SimulatedFetch {
  startedAt: number
  endedAt: number
  succeeded: boolean
  /** Milliseconds for which the endpoint asked to be left alone. */
  retryAfter: number
}

/** What a successful fetch gave. */
export interface Snapshot {
  fetchStartedAt: number
  at: number
  lifetime: number
  kids: ReadonlyMap<string, KeyObject>
}

/** Made once: thousands of rollovers share a few real keys under kids of their own. */
const MATERIAL = Array.from({ length: 40 }, () => {
  const { publicKey } = generatePair('ec', { namedCurve: 'P-256' })
  return { publicKey, publicJwk: publicKey.export({ format: 'jwk' }) }
})

/** An identity provider and its JWKS endpoint, in virtual time. */
export class SimulatedIdentityProvider {
  readonly name: string
  readonly keys: SimulatedKey[] = []
  readonly fetches: SimulatedFetch[] = []
  /** Milliseconds of `Cache-Control: max-age`, or undefined. */
  readonly maxAge: number | undefined
  fault: Fault = 'off'
  faultChangedAt = 0
  signingKey: SimulatedKey
  snapshot: Snapshot | undefined
  readonly #time: VirtualTime
  readonly #random: SeededRandom
  #keyCount = 0

  constructor(name: string, time: VirtualTime, random: SeededRandom) {
    this.name = name
    this.#time = time
    this.#random = random
    this.maxAge = random.pick([undefined, undefined, 60_000, 600_000, 86_400_000])
    this.signingKey = this.publishKey()
  }

  /** Adds a key, under a kid of its own or in place of the one that has this kid. */
  publishKey(kid?: string): SimulatedKey {
    const now = this.#time.monotonic()
    const replaced = this.keys.find((key) => key.kid === kid && key.withdrawnAt === undefined)
    if (replaced !== undefined) replaced.withdrawnAt = now
    const ownKid = this.nextKid
    const material = MATERIAL[this.#keyCount++ % MATERIAL.length]
    if (material === undefined) throw new Error('there is no key material')
    const key = { ...material, kid: kid ?? ownKid, publishedAt: now, withdrawnAt: undefined }
    this.keys.push(key)
    return key
  }

  /** The kid of the key that is published next. */
  get nextKid(): string {
    return `${this.name} ${this.#keyCount + 1}`
  }

  setFault(fault: Fault): void {
    this.fault = fault
    this.faultChangedAt = this.#time.monotonic()
  }

  /** In place of the network. */
  fetchJwks = async (fetch: JwksFetch): Promise<JwksAnswer> => {
    const record = {
      startedAt: this.#time.monotonic(),
      endedAt: Number.POSITIVE_INFINITY,
      succeeded: false,
      retryAfter: 0,
    }
    this.fetches.push(record)
    try {
      const answer = await this.#answer(fetch)
      record.succeeded = true
      return answer
    } catch (error) {
      record.retryAfter = (error as JwksFetchError).retryAfter ?? 0
      throw error
    } finally {
      record.endedAt = this.#time.monotonic()
    }
  }

  async #answer({ totalTimeout, validators, limits }: JwksFetch): Promise<JwksAnswer> {
    const startedAt = this.#time.monotonic()
    const deadline = Math.min(totalTimeout, limits.connectionTimeout + limits.readTimeout)
    const latency = this.#latency()
    if (latency > deadline) {
      await this.#time.wait(deadline)
      throw new JwksFetchError('read_timeout')
    }
    await this.#time.wait(latency / 2)
    this.#failAsTheFaultHasIt()
    const published = this.keys.filter(({ withdrawnAt }) => withdrawnAt === undefined)
    await this.#time.wait(latency / 2)
    const at = this.#time.monotonic()
    const lifetime = this.maxAge === undefined ? 300_000 : Math.min(3_600_000, Math.max(30_000, this.maxAge))
    this.snapshot = {
      fetchStartedAt: startedAt,
      at,
      lifetime,
      kids: new Map(published.map(({ kid, publicKey }) => [kid, publicKey])),
    }
    const version = published.map(({ kid, publicJwk }) => `${kid}:${publicJwk.x}`).join(' ')
    const answer = { validators: { etag: version }, maxAge: this.maxAge }
    if (validators?.etag === version) return { ...answer, published: undefined }
    const members = published.map(({ kid, publicJwk }) => ({ ...publicJwk, kid, alg: 'ES256', use: 'sig' }))
    return { ...answer, published: { members: [...members, { kty: 'unheard of' }], version } }
  }

  #latency(): number {
    if (this.fault === 'refused') return 1
    if (this.fault === 'hanging') return Number.POSITIVE_INFINITY
    if (this.fault === 'slow') return this.#random.between(1000, 1900)
    return this.fault === 'lame' ? this.#random.between(1500, 6000) : this.#random.between(5, 150)
  }

  #failAsTheFaultHasIt(): void {
    if (this.fault === 'refused') throw new JwksFetchError('connection_failed', { code: 'ECONNREFUSED' })
    if (this.fault === 'error') throw new JwksFetchError('unexpected_status', { code: '500' })
    if (this.fault === 'garbage') throw new JwksFetchError('not_json')
    if (this.fault === 'empty') throw new JwksFetchError('no_usable_key')
    if (this.fault === 'too_many') {
      throw new JwksFetchError('unexpected_status', { code: '429', retryAfter: this.#random.between(1000, 300_000) })
    }
  }
}
