import { createHash } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import { expect } from '@jest/globals'
import type { RegistrationChange } from '../../src/identity-provider-store/identity-provider-store.js'
import { FileStoreProcess } from './file-store-processes.js'
import { registrationOf, type TestDirectory } from './registration-directory.js'

const IDS = ['acme', '../Other/é']
/** Milliseconds. */
const MAX_DELAY = 1000

/** A change here is reported there within a second, and the other way round. Returns the longest delay, in milliseconds. */
export async function followEachOther(directory: TestDirectory, rounds: number): Promise<number> {
  const there = await FileStoreProcess.start(directory.path)
  const here = directory.open()
  const delays: number[] = []
  try {
    const { changes } = await directory.watch(here)
    await there.do('watch')
    for (let round = 0; round < rounds; round += 1) {
      const wanted = registrationOf(`acme${round % 3}`, { lifetime: 60 + round, enabled: round % 2 === 0 })
      const { revision } = (await there.do('put', wanted)) as { revision: string }
      delays.push(await delayOf(changes, { ...wanted, revision }))
      const changed = await here.put({ ...wanted, displayName: 'changed' })
      delays.push(await delayOf(there.changes, changed))
      await pause(Math.random() * 20)
    }
    const longest = Math.max(...delays)
    expect(longest).toBeLessThan(MAX_DELAY)
    return longest
  } finally {
    await there.kill()
  }
}

async function delayOf(
  changes: readonly RegistrationChange[] | readonly (RegistrationChange | undefined)[],
  { id, name, revision, enabled }: { id: string; name: string; revision: string; enabled?: boolean },
): Promise<number> {
  const start = performance.now()
  while (changes.findLast((change) => change?.id === id)?.revision !== revision) {
    if (performance.now() - start > 5 * MAX_DELAY) break
    await pause(2)
  }
  const last = changes.findLast((change) => change?.id === id)
  expect(last).toEqual({ id, name, revision, enabled: enabled !== false })
  return performance.now() - start
}

/** A process that writes is killed: each file is whole, and nothing is lost of which the process knew that it was written. */
export async function killWriters(directory: TestDirectory, rounds: number): Promise<void> {
  const store = directory.open()
  let from = 0
  for (let round = 0; round < rounds; round += 1) {
    const writer = await FileStoreProcess.start(directory.path, round % 2 === 0 ? 'json' : 'toml')
    void writer.do('writeOn', { ids: IDS, from })
    while (writer.written.size < IDS.length) await pause(1)
    await pause(Math.random() * 40)
    await writer.kill()
    const errors: unknown[] = []
    const found = await directory.open({ onError: (error) => errors.push(error) }).list()
    expect(errors).toEqual([])
    expect(found.map(({ id }) => id).sort()).toEqual([...IDS].sort())
    for (const { id, description = '', scopes = [] } of found) {
      const [number, digest] = scopes
      expect(createHash('sha256').update(`${number} ${description}`).digest('hex')).toBe(digest)
      expect(Number(number)).toBeGreaterThanOrEqual(writer.written.get(id) ?? 0)
      from = Math.max(from, Number(number) + 1)
    }
    // Also if the process held the lock when it ended.
    await store.put(registrationOf('after'))
    await store.remove('after')
  }
}

/** Processes that add to one registration lose nothing of each other. */
export async function addTogether(directory: TestDirectory, processes: number, additions: number): Promise<void> {
  const store = directory.open()
  await store.put(registrationOf('acme', { scopes: [] }))
  const all = await Promise.all(Array.from({ length: processes }, () => FileStoreProcess.start(directory.path)))
  try {
    const scopesOf = (process: number) => Array.from({ length: additions }, (_, at) => `${process}:${at}`)
    await Promise.all(all.map((each, process) => each.do('add', { id: 'acme', scopes: scopesOf(process) })))
    const { scopes = [] } = (await store.get('acme')) ?? {}
    expect([...scopes].sort()).toEqual(all.flatMap((_, process) => scopesOf(process)).sort())
  } finally {
    for (const each of all) await each.kill()
  }
}
