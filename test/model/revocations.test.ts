import { env } from 'node:process'
import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { fieldOf } from '../../src/errors/field-of.js'
import { ExchangeEventEmitter } from '../../src/events/exchange-events.js'
import { MemoryRevocationStore } from '../../src/revocation/memory-revocation-store.js'
import { keptUntil, MAX_TOKEN_LIFETIME } from '../../src/revocation/revocation-lifetime.js'
import type { Revocation, RevocationStore } from '../../src/revocation/revocation-store.js'
import { Revocations } from '../../src/revocation/revocations.js'
import { AdjustableClock } from '../support/adjustable-clock.js'
import { AdjustableTimers } from '../support/adjustable-timers.js'

const NAMES = ['a', 'b', 'c']
const KINDS = ['subject', 'client', 'identity_provider'] as const
const PROCESSES = [0, 1] as const
/** Milliseconds: long, so that a day has few reads. */
const POLL = 600_000

type Step =
  | { do: 'issue'; sub: string; clientId: string; identityProvider: string | undefined; lifetime: number }
  | { do: 'revoke token'; index: number; process: 0 | 1 }
  | { do: 'cut off'; kind: (typeof KINDS)[number]; value: string; ago: number; process: 0 | 1 }
  | { do: 'wait'; seconds: number }
  | { do: 'restart'; process: 0 | 1 }
  | { do: 'fail' }
  | { do: 'recover' }

const name = fc.constantFrom(...NAMES)
const process = fc.constantFrom(...PROCESSES)
const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    {
      weight: 4,
      arbitrary: fc.record({
        do: fc.constant('issue' as const),
        sub: name,
        clientId: name,
        identityProvider: fc.option(name, { nil: undefined }),
        lifetime: fc.constantFrom(1, 1800, 7200, MAX_TOKEN_LIFETIME),
      }),
    },
    { weight: 3, arbitrary: fc.record({ do: fc.constant('revoke token' as const), index: fc.nat(30), process }) },
    {
      weight: 2,
      arbitrary: fc.record({
        ...{ do: fc.constant('cut off' as const), kind: fc.constantFrom(...KINDS), value: name, process },
        ago: fc.constantFrom(-1, 0, 1, 60, 5000),
      }),
    },
    {
      weight: 4,
      arbitrary: fc.record({
        do: fc.constant('wait' as const),
        seconds: fc.constantFrom(0.3, 1, 59, 61, 3600, 40_000, MAX_TOKEN_LIFETIME - 700),
      }),
    },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('restart' as const), process }) },
    { weight: 1, arbitrary: fc.constant({ do: 'fail' as const }) },
    { weight: 2, arbitrary: fc.constant({ do: 'recover' as const }) },
  ),
  { minLength: 3, maxLength: 30 },
)

interface IssuedToken {
  tokenId: string
  sub: string
  clientId: string
  identityProvider: string | undefined
  issuedAt: number
  expiresAt: number
}

/** What was revoked, without any thought of expiry, memory or stores. */
class Model {
  readonly everywhere: Revocation[] = []
  /** Those that the store did not take. */
  readonly only = new Map<0 | 1, Revocation[]>([
    [0, []],
    [1, []],
  ])

  isRevoked(token: IssuedToken, inProcess: 0 | 1): boolean {
    const known = [...this.everywhere, ...(this.only.get(inProcess) ?? [])]
    return known.some(({ kind, value, issuedBefore = 0 }) => {
      if (kind === 'token') return token.tokenId === value
      const named = { subject: token.sub, client: token.clientId, identity_provider: token.identityProvider }
      return named[kind] === value && token.issuedAt < issuedBefore
    })
  }
}

/** Two processes with one store, in virtual time. */
class World {
  readonly clock = new AdjustableClock()
  readonly timers = new AdjustableTimers(this.clock)
  readonly model = new Model()
  readonly tokens: IssuedToken[] = []
  readonly #memory = new MemoryRevocationStore({ clock: this.clock })
  readonly #processes: [Revocations, Revocations]
  isFailing = false

  constructor() {
    this.#processes = [this.#start(), this.#start()]
  }

  #start(): Revocations {
    const fail = () => Promise.reject(new Error('down'))
    const store: RevocationStore = {
      add: (revocations) => (this.isFailing ? fail() : this.#memory.add(revocations)),
      read: (cursor) => (this.isFailing ? fail() : this.#memory.read(cursor)),
    }
    const settings = { isOn: true, store, pollInterval: POLL, maxStale: 3 * POLL, timeout: 1000, maxEntries: 1000 }
    const deps = { clock: this.clock, timers: this.timers, random: () => 1, events: new ExchangeEventEmitter() }
    const revocations = new Revocations(settings, deps)
    void revocations.start()
    return revocations
  }

  async take(step: Step): Promise<void> {
    const now = Math.floor(this.clock.now())
    switch (step.do) {
      case 'issue': {
        const { sub, clientId, identityProvider, lifetime } = step
        const dates = { issuedAt: now, expiresAt: now + lifetime }
        this.tokens.push({ tokenId: `t${this.tokens.length}`, sub, clientId, identityProvider, ...dates })
        return
      }
      case 'revoke token': {
        const token = this.tokens[step.index % Math.max(1, this.tokens.length)]
        if (token === undefined || token.expiresAt <= this.clock.now()) return
        return this.#revoke({ kind: 'token', value: token.tokenId, expiresAt: token.expiresAt }, step.process)
      }
      case 'cut off': {
        const issuedBefore = now - step.ago
        const cutOff = {
          kind: step.kind,
          value: step.value,
          issuedBefore,
          expiresAt: issuedBefore + MAX_TOKEN_LIFETIME,
        }
        return this.#revoke(cutOff, step.process)
      }
      case 'wait':
        return this.timers.advance(step.seconds)
      case 'restart':
        this.#processes[step.process].close()
        this.#processes[step.process] = this.#start()
        this.model.only.set(step.process, [])
        return
      case 'fail':
        this.isFailing = true
        return
      case 'recover':
        this.isFailing = false
    }
  }

  async #revoke(revocation: Revocation, process: 0 | 1): Promise<void> {
    const { isFailing } = this
    const kept = { ...revocation, expiresAt: keptUntil(revocation.expiresAt) }
    const outcome = await this.#processes[process].add(kept).then(
      () => 'added',
      (error: unknown) => fieldOf(error, 'reason'),
    )
    expect(outcome).toBe(isFailing ? 'revocation_store_unavailable' : 'added')
    if (isFailing) this.model.only.get(process)?.push(revocation)
    else this.model.everywhere.push(revocation)
    this.#expectAsModel(process) // Here it counts at once.
  }

  #expectAsModel(process: 0 | 1): void {
    for (const token of this.tokens.filter(({ expiresAt }) => this.clock.now() < expiresAt)) {
      const outcome = this.#outcomeOf(token, process)
      const isRevoked = this.model.isRevoked(token, process)
      if (outcome === 'revocation_store_unavailable' && this.#isUnsure(process)) continue
      expect({ token, process, outcome }).toEqual({ token, process, outcome: isRevoked ? 'revoked' : 'accepted' })
    }
  }

  #isUnsure(process: 0 | 1): boolean {
    return this.#processes[process].stats().state !== 'following'
  }

  #outcomeOf({ issuedAt, ...token }: IssuedToken, process: 0 | 1): unknown {
    try {
      this.#processes[process].check({ ...token, payload: { iat: issuedAt } })
      return 'accepted'
    } catch (error) {
      return fieldOf(error, 'reason')
    }
  }

  /** When each process has had the time to read the store. */
  async expectAsModelLater(): Promise<void> {
    if (this.isFailing) return
    await this.timers.advance((POLL + 1) / 1000)
    for (const each of PROCESSES) {
      expect(this.#isUnsure(each)).toBe(false)
      this.#expectAsModel(each)
    }
  }

  close(): void {
    for (const each of this.#processes) each.close()
  }
}

describe('revocations in two processes', () => {
  it('are as a model that forgets nothing has them, for any steps, times, restarts and outages', async () => {
    await fc.assert(
      fc.asyncProperty(steps, async (taken) => {
        const world = new World()
        await world.timers.advance(0)
        for (const step of taken) {
          await world.take(step)
          if (step.do !== 'fail' && step.do !== 'wait') await world.expectAsModelLater()
        }
        await world.take({ do: 'recover' })
        await world.expectAsModelLater()
        world.close()
      }),
      { numRuns: Number(env.REVOCATION_CASES ?? 50) },
    )
  })
})
