import { mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import type { RegistrationChange } from '../../../src/identity-provider-store/identity-provider-store.js'
import { registrationOf, TestDirectory } from '../../support/registration-directory.js'

let directory: TestDirectory
beforeEach(() => {
  directory = new TestDirectory()
})
afterEach(() => directory.remove())

const within = (fileName: string) => join(directory.path, fileName)

/** Waits until the last report of an id is of this kind. */
async function expectLast(
  changes: readonly (RegistrationChange | undefined)[],
  expected: Partial<RegistrationChange> & { id: string },
): Promise<void> {
  const last = () => changes.findLast((change) => change?.id === expected.id)
  for (let waited = 0; waited < 5000; waited += 20) {
    const found = last()
    const isAsExpected = Object.entries(expected).every(([name, value]) => Reflect.get(found ?? {}, name) === value)
    if (found !== undefined && isAsExpected) return
    await pause(20)
  }
  expect(last()).toMatchObject(expected)
}

/** What people and programs do with a file, and what it then says. */
const EDITS: readonly [string, (content: string) => void][] = [
  ['writes it in place', (content) => directory.write('acme.json', content)],
  [
    'writes another file, and renames it',
    (content) => {
      directory.write('acme.json.swp', content)
      renameSync(within('acme.json.swp'), within('acme.json'))
    },
  ],
  [
    'renames it, and writes a new one',
    (content) => {
      renameSync(within('acme.json'), within('acme.json~'))
      directory.write('acme.json', content)
    },
  ],
  [
    'gives it another name',
    (content) => {
      rmSync(within('acme.json'))
      directory.write('other name.json', content)
    },
  ],
]

describe('a watch of the file store', () => {
  it.each(EDITS)('reports with id and name what an editor does that %s', async (_, edit) => {
    directory.write('acme.json', registrationOf('acme'))
    const store = directory.open()
    const { changes } = await directory.watch(store)
    edit(JSON.stringify(registrationOf('acme', { name: 'https://new.example', enabled: false })))
    await expectLast(changes, { id: 'acme', name: 'https://new.example', enabled: false })
    expect((await store.get('acme'))?.revision).toBe(changes.at(-1)?.revision)
  })

  it('reports a file that is added, one with another id, and one that is removed', async () => {
    const { changes } = await directory.watch(directory.open())
    directory.write('a.toml', 'id = "acme"\nname = "https://acme.example"\n')
    await expectLast(changes, { id: 'acme', name: 'https://acme.example', enabled: true })
    directory.write('a.toml', 'id = "other"\nname = "https://other.example"\n')
    await expectLast(changes, { id: 'acme', name: 'https://acme.example', revision: undefined, enabled: false })
    await expectLast(changes, { id: 'other', name: 'https://other.example', enabled: true })
    rmSync(within('a.toml'))
    await expectLast(changes, { id: 'other', revision: undefined, enabled: false })
  })

  it('reports what the operating system does not: the target of a link has changed', async () => {
    mkdirSync(within('inner'))
    writeFileSync(within('inner/acme.json'), JSON.stringify(registrationOf('acme')))
    symlinkSync('inner/acme.json', within('acme.json'))
    const { changes } = await directory.watch(directory.open({ pollInterval: 100 }))
    writeFileSync(within('inner/acme.json'), JSON.stringify(registrationOf('acme', { enabled: false })))
    await expectLast(changes, { id: 'acme', enabled: false })
  })

  it('reports bad files as errors, once as long as they stay so, and goes on', async () => {
    directory.write('bad.json', '{')
    const store = directory.open({ pollInterval: 100 })
    const { changes, errors } = await directory.watch(store)
    await pause(500)
    expect(errors.map(({ message }) => message)).toEqual([expect.stringMatching(/bad\.json: expected one JSON/)])
    directory.write('bad.json', '[]')
    await pause(500)
    expect(errors).toHaveLength(2)
    directory.write('good.json', registrationOf('good'))
    await expectLast(changes, { id: 'good', enabled: true })
    const second = await directory.watch(store)
    expect(second.errors).toHaveLength(1)
  })

  it('reports errors while the directory is not there, and afterwards what has changed', async () => {
    const store = directory.open({ pollInterval: 100 })
    await store.put(registrationOf('acme'))
    await store.put(registrationOf('other'))
    const { changes, errors } = await directory.watch(store)
    renameSync(directory.path, `${directory.path}-away`)
    for (let waited = 0; errors.length < 2 && waited < 5000; waited += 20) await pause(20)
    expect(errors[0]).toMatchObject({
      code: 'ENOENT',
      message: `${directory.path}: the directory does not exist; create it first`,
    })
    await expect(store.find('https://acme.example')).rejects.toMatchObject({ code: 'ENOENT' })
    expect(changes).toEqual([])
    rmSync(`${directory.path}-away/other.json`)
    renameSync(`${directory.path}-away`, directory.path)
    await expectLast(changes, { id: 'other', revision: undefined })
    directory.write('new.json', registrationOf('new'))
    await expectLast(changes, { id: 'new', enabled: true })
    expect(changes.filter((change) => change?.id === 'acme')).toEqual([])
  })

  it('tells the option onError once that the directory is not there, and again when it is gone again', async () => {
    const messages: string[] = []
    const store = directory.open({ pollInterval: 100, onError: ({ message }) => messages.push(message) })
    const missing = `${directory.path}: the directory does not exist; create it first`
    const away = () => renameSync(directory.path, `${directory.path}-away`)
    away()
    const changes: unknown[] = []
    const stop = store.watch((change) => changes.push(change))
    await pause(500)
    expect(messages).toEqual([missing])
    renameSync(`${directory.path}-away`, directory.path)
    directory.write('new.json', registrationOf('new'))
    for (let waited = 0; changes.length === 0 && waited < 5000; waited += 20) await pause(20)
    await pause(300)
    away()
    for (let waited = 0; messages.length < 2 && waited < 5000; waited += 20) await pause(20)
    stop()
    expect(messages).toEqual([missing, missing])
  })

  it('begins although the directory is not there, and reports that anything may have changed when it is', async () => {
    directory.remove()
    const [calls, errors]: [unknown[], unknown[]] = [[], []]
    const stop = directory.open({ pollInterval: 100 }).watch(
      (change) => calls.push(change),
      (error) => errors.push(error),
    )
    try {
      for (let waited = 0; errors.length < 2 && waited < 5000; waited += 20) await pause(20)
      expect(calls).toEqual([])
      mkdirSync(directory.path)
      directory.write('acme.json', registrationOf('acme'))
      for (let waited = 0; !calls.includes(undefined) && waited < 5000; waited += 20) await pause(20)
      expect(errors.length).toBeGreaterThan(1)
      expect(calls).toContain(undefined)
    } finally {
      stop()
    }
  })

  it('goes on although a function that it calls throws', async () => {
    const store = directory.open()
    const stop = store.watch(
      () => {
        throw new Error('of the caller')
      },
      () => {
        throw new Error('of the caller')
      },
    )
    const { changes } = await directory.watch(store)
    directory.write('bad.json', '{')
    directory.write('acme.json', registrationOf('acme'))
    await expectLast(changes, { id: 'acme', enabled: true })
    stop()
  })

  it('ends twice, and without having begun', async () => {
    const calls: unknown[] = []
    const store = directory.open()
    const stop = store.watch((change) => calls.push(change))
    stop()
    stop()
    await store.put(registrationOf('acme'))
    await pause(300)
    expect(calls).toEqual([])
  })
})
