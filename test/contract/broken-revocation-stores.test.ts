import { setImmediate as nextTurn } from 'node:timers/promises'
import { describe, expect, it, jest } from '@jest/globals'
import {
  type CheckedRevocation,
  type CheckedRevocationStore,
  revocationStoreContract,
} from '../../src/testing/index.js'

jest.setTimeout(60_000)

const KINDS = 'returns each kind of revocation as it was added'
const OTHER = 'returns to each process at once what another one has added'
const CURSOR = 'returns after a cursor what was added since'
const WRITERS = 'misses nothing while 4 processes write'
const LATE = 'returns the same to a process that begins later'
const VALUES = 'keeps values apart that look alike, and long ones'
const REPEATED = 'takes the same revocation again'
const MANY = 'returns 1200 revocations, and then says that nothing follows'
const EXPIRY = 'keeps a revocation until it expires, in spite of others that have expired'
const COPIES = 'is not changed by a change to an object that it took or returned'
const WATCH = 'reports what another process adds within a second, and nothing after the watch has ended'
const SHARING = 'has an isShared that is true, if it has one'
const ALL = [KINDS, OTHER, CURSOR, WRITERS, LATE, VALUES, REPEATED, MANY, EXPIRY, COPIES, WATCH, SHARING]

/** A store that keeps its promises. The cursor is how many were read. */
class Store implements CheckedRevocationStore {
  readonly added: CheckedRevocation[] = []
  readonly watchers = new Set<() => void>()

  add(revocations: readonly CheckedRevocation[]): void | Promise<void> {
    this.added.push(...structuredClone(revocations))
    for (const each of this.watchers) each()
  }

  read(cursor = '0') {
    const revocations = structuredClone(this.added.slice(Number(cursor)))
    return { revocations, cursor: String(this.added.length) }
  }

  watch(onChange: () => void): () => void {
    const watcher = () => onChange()
    this.watchers.add(watcher)
    return () => void this.watchers.delete(watcher)
  }
}

async function failuresOf(makeStore: () => CheckedRevocationStore, names: readonly string[] = ALL): Promise<string[]> {
  const cases = revocationStoreContract(makeStore).filter(({ name }) => names.includes(name))
  const outcomes = await Promise.allSettled(cases.map(({ run }) => run()))
  return cases.filter((_, index) => outcomes[index]?.status === 'rejected').map(({ name }) => name)
}

function one(Changed: new () => CheckedRevocationStore): () => CheckedRevocationStore {
  const store = new Changed()
  return () => store
}

describe('the contract', () => {
  it('has a name for each case, and no other', () => {
    expect(revocationStoreContract(one(Store)).map(({ name }) => name)).toEqual(ALL)
  })

  it('is kept by a store in memory, by one in pages, and by one that always returns everything', async () => {
    class Paged extends Store {
      override read(cursor = '0') {
        const revocations = structuredClone(this.added.slice(Number(cursor), Number(cursor) + 100))
        const next = Number(cursor) + revocations.length
        return { revocations, cursor: String(next), hasMore: next < this.added.length }
      }
    }
    class Simple extends Store {
      override read() {
        return { revocations: structuredClone(this.added), cursor: undefined as never }
      }
    }
    expect(await Promise.all([Store, Paged, Simple].map((each) => failuresOf(one(each))))).toEqual([[], [], []])
  })

  it.concurrent.each<[string, new () => CheckedRevocationStore, string[]]>([
    [
      'cuts values',
      class extends Store {
        override add(given: readonly CheckedRevocation[]) {
          return super.add(given.map((each) => ({ ...each, value: each.value.slice(0, 1000) })))
        }
      },
      [VALUES],
    ],
    [
      'ignores case',
      class extends Store {
        override add(given: readonly CheckedRevocation[]) {
          return super.add(given.map((each) => ({ ...each, value: each.value.toLowerCase() })))
        }
      },
      [KINDS, OTHER, CURSOR, WRITERS, LATE, VALUES, REPEATED, MANY, EXPIRY, COPIES],
    ],
    [
      'loses the time of a cut-off',
      class extends Store {
        override add(given: readonly CheckedRevocation[]) {
          return super.add(given.map(({ issuedBefore: _, ...each }) => each))
        }
      },
      [KINDS],
    ],
    [
      'keeps one of several',
      class extends Store {
        override add(given: readonly CheckedRevocation[]) {
          return super.add(given.slice(0, 1))
        }
      },
      [KINDS, CURSOR, VALUES, MANY, EXPIRY],
    ],
    [
      'numbers revocations before they are there',
      class extends Store {
        #next = 0
        readonly #numbered: [number, CheckedRevocation][] = []
        override async add(given: readonly CheckedRevocation[]) {
          for (const each of structuredClone(given)) {
            this.#next += 1
            const number = this.#next
            for (let turn = 0; turn < number % 7; turn += 1) await nextTurn()
            this.#numbered.push([number, each])
          }
        }
        override read(cursor = '0') {
          const rows = this.#numbered.filter(([number]) => number > Number(cursor))
          const last = Math.max(Number(cursor), ...rows.map(([number]) => number))
          return { revocations: structuredClone(rows.map(([, each]) => each)), cursor: String(last) }
        }
      },
      [WRITERS, WATCH],
    ],
    [
      'says that nothing follows the first page',
      class extends Store {
        override read(cursor = '0') {
          const revocations = structuredClone(this.added.slice(Number(cursor), Number(cursor) + 1000))
          return { revocations, cursor: String(Number(cursor) + revocations.length) }
        }
      },
      [MANY],
    ],
    [
      'says that more follows at the same place',
      class extends Store {
        override read(cursor = '0') {
          return { ...super.read(cursor), hasMore: true }
        }
      },
      ALL.filter((name) => name !== WATCH && name !== SHARING),
    ],
    [
      'ignores the cursor that it gives',
      class extends Store {
        override read() {
          return super.read()
        }
      },
      [CURSOR],
    ],
    [
      'refuses what is kept for long',
      class extends Store {
        override add(given: readonly CheckedRevocation[]) {
          if (given.some(({ expiresAt }) => expiresAt > Date.now() / 1000 + 7 * 86_400))
            throw new RangeError('too long')
          return super.add(given)
        }
      },
      [EXPIRY],
    ],
    [
      'refuses what it has already',
      class extends Store {
        override add(given: readonly CheckedRevocation[]) {
          if (given.some(({ value }) => this.added.some((each) => each.value === value))) throw new Error('duplicate')
          return super.add(given)
        }
      },
      [REPEATED],
    ],
    [
      'keeps the objects that it is given',
      class extends Store {
        override add(given: readonly CheckedRevocation[]) {
          this.added.push(...given)
        }
        override watch() {
          return () => {}
        }
      },
      [COPIES, WATCH],
    ],
    [
      'returns its own objects',
      class extends Store {
        override read(cursor = '0') {
          return { revocations: this.added.slice(Number(cursor)), cursor: String(this.added.length) }
        }
      },
      [COPIES],
    ],
    [
      'never reports',
      class extends Store {
        override watch() {
          return () => {}
        }
      },
      [WATCH],
    ],
    [
      'reports after the watch has ended',
      class extends Store {
        override watch(onChange: () => void) {
          super.watch(onChange)
          return () => {}
        }
      },
      [WATCH],
    ],
  ])('refuses a store that %s', async (_, Changed, expected) => {
    expect(await failuresOf(one(Changed))).toEqual(expected)
  })

  it('refuses a store that forgets early', async () => {
    class Forgetful extends Store {
      override add(given: readonly CheckedRevocation[]) {
        return super.add(given.filter(({ expiresAt }) => expiresAt > Date.now() / 1000 + 3))
      }
    }
    expect(await failuresOf(one(Forgetful), [KINDS, EXPIRY])).toEqual([EXPIRY])
  })

  it('refuses a store that answers before it has written', async () => {
    class Late extends Store {
      override add(given: readonly CheckedRevocation[]) {
        const copies = structuredClone(given)
        setTimeout(() => super.add(copies), 50)
      }
    }
    expect(await failuresOf(one(Late), [KINDS, OTHER, LATE])).toEqual([KINDS, OTHER, LATE])
  })

  it('refuses a store that has data of its own in each process, or says that about shared data', async () => {
    expect(await failuresOf(() => new Store(), [OTHER, LATE, SHARING])).toEqual([OTHER, LATE])
    const own = () => Object.assign(new Store(), { isShared: true })
    expect(await failuresOf(own, [SHARING])).toEqual([SHARING])
    const added: CheckedRevocation[] = []
    const shared = () => Object.assign(new Store(), { added, isShared: false })
    expect(await failuresOf(shared, [SHARING])).toEqual([SHARING])
  })
})
