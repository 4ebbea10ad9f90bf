import { execFileSync } from 'node:child_process'
import { mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { FileIdentityProviderStore } from '../../../src/file-store/index.js'
import { registrationOf, TestDirectory } from '../../support/registration-directory.js'

const SECRET = 'a-secret-in-the-file'

let directory: TestDirectory
beforeEach(() => {
  directory = new TestDirectory()
})
afterEach(() => directory.remove())

const within = (fileName: string) => join(directory.path, fileName)

/** What is wrong with a file among good ones, how it is made, and what is said of it. */
const BAD_FILES: readonly [string, (fileName: string) => void, RegExp][] = [
  [
    'text that is not JSON',
    (fileName) => directory.write(fileName, `{ "id": "${SECRET}", `),
    /expected one JSON object/,
  ],
  ['nothing', (fileName) => directory.write(fileName, ''), /expected one JSON object/],
  ['a list', (fileName) => directory.write(fileName, '[]'), /expected one JSON object/],
  ['a repeated member', (fileName) => directory.write(fileName, '{ "id": "a", "id": "b", "name": "c" }'), /repeated/],
  ['no id', (fileName) => directory.write(fileName, { name: 'https://a.example' }), /id: expected/],
  ['a number as id', (fileName) => directory.write(fileName, { id: 1, name: 'https://a.example' }), /id: expected/],
  ['no name', (fileName) => directory.write(fileName, { id: 'bad', key: SECRET }), /name: expected/],
  ['text in Latin-1', (fileName) => writeFileSync(within(fileName), Buffer.from([0x7b, 0xe9, 0x7d])), /UTF-8/],
  ['two megabytes', (fileName) => directory.write(fileName, ' '.repeat(2 ** 21)), /2097152 bytes; expected at most/],
  ['a directory', (fileName) => mkdirSync(within(fileName)), /expected a regular file/],
  ['a FIFO', (fileName) => void execFileSync('mkfifo', [within(fileName)]), /expected a regular file/],
  ['a link out of the directory', (fileName) => symlinkSync('/etc/hostname', within(fileName)), /leads out of/],
  ['a link to nothing', (fileName) => symlinkSync('nothing', within(fileName)), /leads to nothing/],
  ['a link to itself', (fileName) => symlinkSync(fileName, within(fileName)), /leads to itself/],
]

describe('a bad file among good ones', () => {
  it.each(BAD_FILES)('is reported, and does not matter to the others: %s', async (_, make, reason) => {
    directory.write('good.json', registrationOf('good'))
    make('bad.json')
    directory.write('other.toml', 'id = "other"\nname = "https://other.example"\n')
    const errors: Error[] = []
    const store = directory.open({ onError: (error) => errors.push(error as Error) })
    expect((await store.list()).map(({ id }) => id)).toEqual(['good', 'other'])
    expect(await store.find('https://good.example')).toHaveLength(1)
    expect(errors).toEqual([expect.objectContaining({ code: 'unreadable_registration', file: within('bad.json') })])
    expect(errors[0]?.message).toMatch(reason)
    expect(errors[0]?.message).not.toContain(SECRET)
  })

  it.each(BAD_FILES)(
    'neither hides nor is taken for the registration that it should be: %s',
    async (_, make, reason) => {
      make('bad.json')
      const store = directory.open()
      for (const refused of [store.get('bad'), store.put(registrationOf('bad'), { ifRevision: null })]) {
        await expect(refused).rejects.toMatchObject({ code: 'unreadable_registration' })
      }
      await expect(store.remove('bad', { ifRevision: 'a' })).rejects.toThrow(reason)
      expect(await store.find('https://bad.example')).toEqual([])
    },
  )

  it.each(BAD_FILES.filter(([what]) => what !== 'a directory'))('can be replaced: %s', async (_, make) => {
    make('bad.json')
    const store = directory.open()
    const stored = await store.put(registrationOf('bad'))
    expect(await store.get('bad')).toEqual(stored)
    expect(await directory.open().list()).toEqual([stored])
    expect(directory.fileNames()).toEqual(['bad.json'])
  })

  it.each(BAD_FILES.filter(([what]) => what !== 'a directory'))('can be removed: %s', async (_, make) => {
    make('bad.json')
    const store = directory.open()
    expect(await store.remove('bad')).toBe(true)
    expect(await store.get('bad')).toBeUndefined()
    expect(directory.fileNames()).toEqual([])
  })

  it('is not replaced if it is a directory', async () => {
    mkdirSync(within('bad.json'))
    await expect(directory.open().put(registrationOf('bad'))).rejects.toMatchObject({ code: 'EISDIR' })
    expect(directory.fileNames()).toEqual(['bad.json'])
  })

  it.each(BAD_FILES)('changes nothing where it was good before: %s', async (_, make) => {
    directory.write('bad.json', registrationOf('bad', { enabled: false }))
    const errors: Error[] = []
    const store = directory.open({ onError: (error) => errors.push(error as Error) })
    const { changes } = await directory.watch(store)
    const before = await store.get('bad')
    rmSync(within('bad.json'))
    make('bad.json')
    const [found] = await store.find('https://bad.example')
    expect({ ...found, revision: '' }).toEqual({ ...before, revision: '' })
    expect((await store.list({ enabled: false })).map(({ id }) => id)).toEqual(['bad'])
    expect(errors.length).toBeGreaterThan(0)
    expect(changes.filter((change) => change?.enabled !== false)).toEqual([])
    rmSync(within('bad.json'), { recursive: true })
    expect(await store.find('https://bad.example')).toEqual([])
  })

  it('counts again when it is mended', async () => {
    directory.write('acme.json', '{')
    const store = directory.open()
    const { changes } = await directory.watch(store)
    directory.write('acme.json', registrationOf('acme'))
    const stored = await store.get('acme')
    expect(stored).toMatchObject(registrationOf('acme'))
    expect(changes).toEqual([{ id: 'acme', name: 'https://acme.example', revision: stored?.revision, enabled: true }])
  })

  it('is a socket that nobody reads', async () => {
    const server = createServer().listen(within('bad.json'))
    try {
      directory.write('good.json', registrationOf('good'))
      const store = directory.open()
      expect((await store.list()).map(({ id }) => id)).toEqual(['good'])
      await expect(store.get('bad')).rejects.toMatchObject({ code: 'unreadable_registration' })
    } finally {
      server.close()
    }
  })

  it('names the line of TOML, and nothing that is in it', async () => {
    directory.write(
      'acme.toml',
      `id = "acme"\nname = "https://acme.example"\nheaders = { A = "\${MISSING}${SECRET}" }\n`,
    )
    const error = await directory
      .open({ env: {} })
      .get('acme')
      .catch((thrown: Error) => thrown)
    expect((error as Error).message).toBe(
      `${within('acme.toml')}: 3:13 the environment variable MISSING is not set; set it, or write \${MISSING:-text} with a default`,
    )
  })

  it.each([
    '.acme.json',
    'acme.json~',
    'acme.json.bak',
    'acme.yaml',
    '#acme.json#',
    'acme',
    '.write-1.tmp',
    'README.md',
  ])('is not read: %s', async (fileName) => {
    directory.write(fileName, registrationOf('acme'))
    const errors: unknown[] = []
    const store = directory.open({ onError: (error) => errors.push(error) })
    expect(await store.list()).toEqual([])
    expect(await store.get('acme')).toBeUndefined()
    expect(errors).toEqual([])
  })
})

describe('two files with one id', () => {
  it('are reported: the one counts that the store names so, and otherwise the first', async () => {
    for (const fileName of ['a-copy.json', 'acme.json', 'b-copy.toml']) directory.write(fileName, contentOf(fileName))
    for (const fileName of ['x.json', 'y.json'])
      directory.write(fileName, registrationOf('z', { displayName: fileName }))
    const errors: Error[] = []
    const store = directory.open({ onError: (error) => errors.push(error as Error) })
    expect((await store.list()).map(({ displayName }) => displayName)).toEqual(['acme.json', 'x.json'])
    expect(await store.find('https://acme.example')).toHaveLength(1)
    expect([...new Set(errors.map(({ message }) => message))].sort()).toEqual([
      `${within('a-copy.json')}: it has the same id as acme.json, which counts`,
      `${within('b-copy.toml')}: it has the same id as acme.json, which counts`,
      `${within('y.json')}: it has the same id as x.json, which counts`,
    ])
  })

  it('are both removed, so that the other one does not count afterwards', async () => {
    for (const fileName of ['a-copy.json', 'acme.json', 'b-copy.toml']) directory.write(fileName, contentOf(fileName))
    const store = directory.open()
    expect(await store.remove('acme')).toBe(true)
    expect(await store.get('acme')).toBeUndefined()
    expect(directory.fileNames()).toEqual([])
  })

  it('do not count either if it is not known what the right one says', async () => {
    directory.write('a-copy.json', registrationOf('acme'))
    directory.write('acme.json', '{')
    const store = directory.open()
    expect(await store.find('https://acme.example')).toEqual([])
    await expect(store.get('acme')).rejects.toMatchObject({ file: within('acme.json') })
  })

  function contentOf(fileName: string): string {
    const { id, name } = registrationOf('acme')
    if (fileName.endsWith('.toml')) return `id = "${id}"\nname = "${name}"\ndisplay_name = "${fileName}"\n`
    return JSON.stringify(registrationOf('acme', { displayName: fileName }))
  }
})

describe('the directory', () => {
  it.each([
    ['does not exist', 'missing', 'ENOENT', /missing: the directory does not exist; create it first$/],
    ['is a file', 'file', 'ENOTDIR', /file: this is not a directory; give the path of a directory$/],
  ])('is an error of every function if it %s', async (_, name, code, message) => {
    directory.write('file', '')
    const store = new FileIdentityProviderStore(within(name))
    const calls = [store.find('a'), store.list(), store.get('a'), store.put(registrationOf('a')), store.remove('a')]
    for (const outcome of await Promise.allSettled(calls)) {
      expect(outcome).toMatchObject({ status: 'rejected', reason: { code } })
      expect((outcome as PromiseRejectedResult).reason.message).toMatch(message)
    }
  })
})
