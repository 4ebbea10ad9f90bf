import { setImmediate as nextTurn, setTimeout as pause } from 'node:timers/promises'
import { describe, expect, it, jest } from '@jest/globals'
import { type CheckedReplayStore, replayStoreContract } from '../../src/testing/index.js'

jest.setTimeout(60_000)

const LATER = 'answers true to the first call with a key, and false to every later one'
const OTHER_PROCESS = 'answers false at once for a key of another process'
const RACE = 'lets one of 200 calls at the same time win, in four processes'
const RACE_FOR_EXPIRED = 'lets one of many calls at the same time win where an expired one is in the way'
const SIMILAR = 'keeps keys apart that differ in one character, or in upper and lower case only'
const CHARACTERS = 'takes every character of base64url first and last'
const MANY = 'remembers 500 keys'
const EXPIRY = 'remembers a key until it expires'
const REFUSED = 'does not forget a key because of calls that it refuses'
const LONG_KEYS = 'takes a key for a day, and for thirty'
const EXPIRED = 'lets a key be marked used again that expired long ago'
const SAYS = 'has an isShared and a fillLevel that are true, if it has them'
/** All that are about keys. */
const ALL = [
  LATER,
  OTHER_PROCESS,
  RACE,
  RACE_FOR_EXPIRED,
  SIMILAR,
  CHARACTERS,
  MANY,
  EXPIRY,
  REFUSED,
  LONG_KEYS,
  EXPIRED,
]

type Claim = (key: string, expiresAt: number) => unknown

function now(): number {
  return Date.now() / 1000
}

/** A store that keeps the promises, in a map from keys to expiry. */
function claimIn(claims: Map<string, number>): Claim {
  return (key, expiresAt) => {
    if ((claims.get(key) ?? 0) > now()) return false
    claims.set(key, expiresAt)
    return true
  }
}

/** A store of which every process has the same data. */
function shared(markUsed: Claim): () => CheckedReplayStore {
  const store = { markUsed } as CheckedReplayStore
  return () => store
}

/** Runs these cases at the same time, and tells which fail and with what. */
async function failuresOf(
  makeStore: () => CheckedReplayStore | Promise<CheckedReplayStore>,
  names: readonly string[] = [...ALL, SAYS],
): Promise<Map<string, unknown>> {
  const failures = new Map<string, unknown>()
  const cases = replayStoreContract(makeStore).filter(({ name }) => names.includes(name))
  await Promise.all(
    cases.map(async ({ name, run }) => {
      try {
        await run()
      } catch (error) {
        failures.set(name, error)
      }
    }),
  )
  return failures
}

/** Expects that the contract refuses a store, and by which of its cases. */
async function expectRefused(makeStore: () => CheckedReplayStore, expected: readonly string[]): Promise<void> {
  const failures = await failuresOf(makeStore)
  expect([...failures.keys()].sort()).toEqual([...expected].sort())
  for (const error of failures.values()) expect(error).toMatchObject({ name: 'AssertionError' })
}

/** Waits for this fraction of a second, a few hundredths more or less. */
async function waitForFraction(fraction: number): Promise<void> {
  while (Math.abs((now() % 1) - fraction) > 0.03) await pause(5)
}

describe('the contract', () => {
  it('has a name for each case, and no other', () => {
    expect(replayStoreContract(shared(() => true)).map(({ name }) => name)).toEqual([...ALL, SAYS])
  })

  it.concurrent.each<[string, (claim: Claim) => Claim]>([
    ['answers at once', (markUsed) => markUsed],
    ['answers in a promise', (markUsed) => async (key, expiresAt) => markUsed(key, expiresAt)],
    [
      'takes its time before it writes',
      (markUsed) => async (key, expiresAt) => {
        await nextTurn()
        return markUsed(key, expiresAt)
      },
    ],
    [
      'takes its time before it answers, one sooner and one later',
      (markUsed) => async (key, expiresAt) => {
        const isFirst = markUsed(key, expiresAt)
        await pause(Math.random() * 5)
        return isFirst
      },
    ],
  ])('is kept by a store that %s', async (_, make) => {
    expect(await failuresOf(shared(make(claimIn(new Map()))))).toEqual(new Map())
  })

  it.concurrent('is kept by stores that take time to make', async () => {
    const store = { markUsed: claimIn(new Map()) } as CheckedReplayStore
    const makeStore = async () => {
      await pause(5)
      return store
    }
    expect(await failuresOf(makeStore)).toEqual(new Map())
  })

  it.concurrent('is kept by a store that is a class, and one whose data are not empty', async () => {
    class Store implements CheckedReplayStore {
      static readonly #claims = new Map<string, number>()
      markUsed(key: string, expiresAt: number): boolean {
        return claimIn(Store.#claims)(key, expiresAt) === true
      }
    }
    expect(await failuresOf(() => new Store(), ALL.slice(0, 3))).toEqual(new Map())
    expect(await failuresOf(() => new Store())).toEqual(new Map())
  })

  it.concurrent('does not blame a store that handles other calls at the same time', async () => {
    const makeStore = shared(claimIn(new Map()))
    const failures = await Promise.all(Array.from({ length: 5 }, () => failuresOf(makeStore)))
    expect(failures).toEqual(Array(5).fill(new Map()))
  })

  it.concurrent('does not blame a store that takes a second for each call', async () => {
    const markUsed = claimIn(new Map())
    const slow: Claim = async (key, expiresAt) => {
      await pause(1000)
      return markUsed(key, expiresAt)
    }
    await waitForFraction(0.1)
    expect(await failuresOf(shared(slow), [EXPIRY])).toEqual(new Map())
  })

  it.concurrent('refuses a store that reads before it writes, and waits in between', async () => {
    const claims = new Map<string, number>()
    const markUsed: Claim = async (key, expiresAt) => {
      const isUsed = (claims.get(key) ?? 0) > now()
      await nextTurn()
      if (!isUsed) claims.set(key, expiresAt)
      return !isUsed
    }
    await expectRefused(shared(markUsed), [RACE, RACE_FOR_EXPIRED])
  })

  it.concurrent('refuses a store that reads before it writes only if an expired entry is in the way', async () => {
    const claims = new Map<string, number>()
    const markUsed: Claim = async (key, expiresAt) => {
      const claimedUntil = claims.get(key)
      if (claimedUntil !== undefined) {
        await nextTurn()
        if (claimedUntil > now()) return false
      }
      claims.set(key, expiresAt)
      return true
    }
    await expectRefused(shared(markUsed), [RACE_FOR_EXPIRED])
  })

  it.concurrent('refuses a store that has data of its own in each process', async () => {
    await expectRefused(
      () => ({ markUsed: claimIn(new Map()) }) as CheckedReplayStore,
      [OTHER_PROCESS, RACE, RACE_FOR_EXPIRED],
    )
  })

  it.concurrent('refuses a store that sends an entry to the other processes a moment later', async () => {
    const told = new Map<string, number>()
    const makeStore = () => {
      const own = new Map<string, number>()
      const markUsed: Claim = (key, expiresAt) => {
        if ((told.get(key) ?? 0) > now()) return false
        const isFirst = claimIn(own)(key, expiresAt)
        setTimeout(() => told.set(key, expiresAt), 20).unref()
        return isFirst
      }
      return { markUsed } as CheckedReplayStore
    }
    await expectRefused(makeStore, [OTHER_PROCESS, RACE, RACE_FOR_EXPIRED])
  })

  it.concurrent.each<[string, (key: string) => string, string[]]>([
    ['takes keys in lower case', (key) => key.toLowerCase(), [SIMILAR]],
    ['takes keys in upper case', (key) => key.toUpperCase(), [SIMILAR]],
    ['cuts keys at 40 characters', (key) => key.slice(0, 40), [SIMILAR]],
    ['cuts keys at 42 characters', (key) => key.slice(0, 42), [SIMILAR]],
    ['takes base64url for base64', (key) => key.replaceAll('-', '+').replaceAll('_', '+'), [SIMILAR]],
  ])('refuses a store that %s', async (_, normalize, expected) => {
    const markUsed = claimIn(new Map())
    await expectRefused(
      shared((key, expiresAt) => markUsed(normalize(key), expiresAt)),
      expected,
    )
  })

  it.concurrent.each(['-', '_', 'A', 'z', '0'])(
    'refuses a store that never remembers a key that begins with %p',
    async (character) => {
      const markUsed = claimIn(new Map())
      const failures = await failuresOf(
        shared((key, expiresAt) => key.startsWith(character) || markUsed(key, expiresAt)),
      )
      expect([...failures.keys()]).toContain(CHARACTERS)
    },
  )

  it.concurrent('refuses a store that takes milliseconds for seconds', async () => {
    const claims = new Map<string, number>()
    const markUsed: Claim = (key, expiresAt) => {
      if ((claims.get(key) ?? 0) > Date.now()) return false
      claims.set(key, expiresAt)
      return true
    }
    const failures = await failuresOf(shared(markUsed))
    expect([...failures.keys()]).toEqual(expect.arrayContaining([LATER, EXPIRY, LONG_KEYS]))
  })

  it.concurrent('refuses a store that forgets entries after half a second', async () => {
    const claims = new Map<string, number>()
    const markUsed: Claim = (key, expiresAt) => claimIn(claims)(key, Math.min(expiresAt, now() + 0.5))
    const failures = await failuresOf(shared(markUsed))
    expect([...failures.keys()]).toContain(EXPIRY)
  })

  it.concurrent.each([0.05, 0.3, 0.6])(
    'refuses a store that forgets entries after a second, if it is called %p s after a full one',
    async (fraction) => {
      const claims = new Map<string, number>()
      const markUsed: Claim = (key, expiresAt) => claimIn(claims)(key, Math.min(expiresAt, now() + 1))
      await waitForFraction(fraction)
      const failures = await failuresOf(shared(markUsed), [EXPIRY, REFUSED])
      expect(failures.size).toBeGreaterThan(0)
    },
  )

  it.concurrent('refuses a store that forgets entries after a second', async () => {
    const claims = new Map<string, number>()
    const markUsed: Claim = (key, expiresAt) => claimIn(claims)(key, Math.min(expiresAt, now() + 1))
    await waitForFraction(0.9)
    const failures = await failuresOf(shared(markUsed))
    expect(failures.size).toBeGreaterThan(0)
  })

  it.concurrent('refuses a store that lets a refused call change the expiry', async () => {
    const claims = new Map<string, number>()
    const markUsed: Claim = (key, expiresAt) => {
      const isFirst = !((claims.get(key) ?? 0) > now())
      claims.set(key, expiresAt)
      return isFirst
    }
    await expectRefused(shared(markUsed), [REFUSED])
  })

  it.concurrent('refuses a store that always answers true', async () => {
    await expectRefused(
      shared(() => true),
      ALL,
    )
  })

  it.concurrent('refuses a store that always answers false', async () => {
    await expectRefused(
      shared(() => false),
      ALL,
    )
  })

  it.concurrent('refuses a store that answers the opposite', async () => {
    const markUsed = claimIn(new Map())
    await expectRefused(
      shared((key, expiresAt) => !markUsed(key, expiresAt)),
      ALL,
    )
  })

  it.concurrent.each<[string, unknown, unknown]>([
    ['1 and 0', 1, 0],
    ['OK and null', 'OK', null],
    ['nothing', undefined, undefined],
    ['true and undefined', true, undefined],
    ['true and null', true, null],
  ])('refuses a store that answers %s', async (_, first, later) => {
    const markUsed = claimIn(new Map())
    await expectRefused(
      shared(async (key, expiresAt) => (markUsed(key, expiresAt) ? first : later)),
      ALL,
    )
  })

  it.concurrent('refuses a store that never forgets a key', async () => {
    const used = new Set<string>()
    const markUsed: Claim = (key) => {
      const isFirst = !used.has(key)
      used.add(key)
      return isFirst
    }
    await expectRefused(shared(markUsed), [RACE_FOR_EXPIRED, EXPIRED])
  })

  it.concurrent('refuses a store that throws if the expiry is far away', async () => {
    const markUsed = claimIn(new Map())
    const failures = await failuresOf(
      shared(async (key, expiresAt) => {
        if (expiresAt > now() + 7 * 86_400) throw new RangeError('out of range')
        return markUsed(key, expiresAt)
      }),
    )
    expect([...failures.keys()]).toEqual([LONG_KEYS])
  })

  it.concurrent('refuses a store that throws if a key is used', async () => {
    const markUsed = claimIn(new Map())
    const failures = await failuresOf(
      shared(async (key, expiresAt) => {
        if (markUsed(key, expiresAt)) return true
        throw new Error('duplicate key')
      }),
    )
    expect([...failures.keys()].sort()).toEqual([...ALL].sort())
  })

  it.concurrent('refuses a store that fails under load', async () => {
    const markUsed = claimIn(new Map())
    let running = 0
    const failures = await failuresOf(
      shared(async (key, expiresAt) => {
        running += 1
        await nextTurn()
        running -= 1
        if (running > 100) throw new Error('too many clients')
        return markUsed(key, expiresAt)
      }),
      [RACE],
    )
    expect([...failures.keys()]).toEqual([RACE])
  })

  it.concurrent('refuses a store that throws, with the same error', async () => {
    const markUsed: Claim = async () => {
      throw new Error('no table')
    }
    const failures = await failuresOf(shared(markUsed))
    expect([...failures.keys()].sort()).toEqual([...ALL, SAYS].sort())
    for (const error of failures.values()) expect(error).toMatchObject({ message: 'no table' })
  })

  it.concurrent('refuses a store that forgets an entry for thirty days in a millisecond, because no timer waits so long', async () => {
    const forgottenAt = new Map<string, number>()
    const markUsed: Claim = async (key, expiresAt) => {
      if (Date.now() < (forgottenAt.get(key) ?? 0)) return false
      // What setTimeout makes of more than it can wait for.
      const left = (expiresAt - now()) * 1000
      forgottenAt.set(key, Date.now() + (left < 2 ** 31 ? left : 1))
      return true
    }
    const failures = await failuresOf(shared(markUsed), [LONG_KEYS])
    expect([...failures.keys()]).toEqual([LONG_KEYS])
  })

  it.concurrent.each([10, 100])('refuses a store that forgets the oldest of %p entries', async (most) => {
    const claims = new Map<string, number>()
    const markUsed: Claim = (key, expiresAt) => {
      const isFirst = claimIn(claims)(key, expiresAt)
      for (const oldest of claims.keys()) if (claims.size > most) claims.delete(oldest)
      return isFirst
    }
    const failures = new Map<string, unknown>()
    // One after the other: at the same time the cases would crowd each other out.
    for (const name of ALL)
      for (const [failed, error] of await failuresOf(shared(markUsed), [name])) failures.set(failed, error)
    expect(failures.size).toBeGreaterThan(0)
  })

  it.concurrent.each<[string, (key: string) => string]>([
    ['cuts the first character off', (key) => key.slice(1)],
    ['takes the last 20 characters only', (key) => key.slice(-20)],
    ['trims punctuation off', (key) => key.replace(/^[-_]+|[-_]+$/g, '')],
  ])('refuses a store that %s', async (_, normalize) => {
    const markUsed = claimIn(new Map())
    const failures = await failuresOf(shared((key, expiresAt) => markUsed(normalize(key), expiresAt)))
    expect(failures.size).toBeGreaterThan(0)
  })

  const saying = (said: object) => {
    const markUsed = claimIn(new Map())
    return () => ({ markUsed, ...said }) as CheckedReplayStore
  }

  it.concurrent.each<[string, object]>([
    ['isShared false, although another process knows its entries', { isShared: false }],
    ['isShared as a text', { isShared: 'no' }],
    ['isShared as null', { isShared: null }],
    ['a fill level in percent', { fillLevel: () => 80 }],
    ['a fill level below zero', { fillLevel: () => -0.1 }],
    ['a fill level that is no number', { fillLevel: () => Number.NaN }],
    ['a fill level in a promise', { fillLevel: async () => 0.5 }],
    ['a fill level of a share that is no number', { fillLevel: (name?: string) => (name === undefined ? 0 : '0') }],
  ])('refuses a store that says %s', async (_, said) => {
    await expectRefused(saying(said), [SAYS])
  })

  it.concurrent.each<[string, object]>([
    ['isShared true', { isShared: true }],
    ['isShared undefined', { isShared: undefined }],
    ['a fill level', { fillLevel: () => 1 }],
  ])('does not blame a store that says %s', async (_, said) => {
    expect(await failuresOf(saying(said), [SAYS])).toEqual(new Map())
  })

  it.concurrent('refuses a store that uses the name of the identity provider as a part of the key', async () => {
    const claims = claimIn(new Map())
    const markUsed = (key: string, expiresAt: number, name = '') => claims(key + name, expiresAt)
    await expectRefused(() => ({ markUsed }) as CheckedReplayStore, [LATER])
  })
})
