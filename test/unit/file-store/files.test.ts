import { chmodSync, mkdirSync, renameSync, statSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { FileIdentityProviderStore, type FileIdentityProviderStoreOptions } from '../../../src/file-store/index.js'
import type {
  RevisionConflict,
  StoredRegistration,
} from '../../../src/identity-provider-store/identity-provider-store.js'
import { registrationOf, TestDirectory } from '../../support/registration-directory.js'

const TOML = `# Acme
id = "acme" # never changes
name = "https://acme.example"
allowed_subjects = "any"

[headers]
Authorization = "Bearer \${TOKEN}"
`

let directory: TestDirectory
beforeEach(() => {
  directory = new TestDirectory()
})
afterEach(() => directory.remove())

const within = (fileName: string) => join(directory.path, fileName)
const modeOf = (fileName: string) => statSync(within(fileName)).mode & 0o777

describe('the options of the file store', () => {
  it.each<[string, unknown, unknown, string]>([
    ['no directory', undefined, {}, 'directory'],
    ['an empty directory', '', {}, 'directory'],
    ['a number as directory', 1, {}, 'directory'],
    ['an unknown format', 'a', { format: 'yaml' }, 'format'],
    ['a format of null', 'a', { format: null }, 'format'],
    ['an interval that is too short', 'a', { pollInterval: 99 }, 'pollInterval'],
    ['an environment that is a text', 'a', { env: 'PATH' }, 'env'],
    ['an onError that is no function', 'a', { onError: true }, 'onError'],
    ['a name that is misspelt', 'a', { pollintervall: 500 }, 'pollintervall'],
  ])('refuse %s', (_, path, options, name) => {
    const create = () => new FileIdentityProviderStore(path as string, options as FileIdentityProviderStoreOptions)
    expect(create).toThrow(expect.objectContaining({ name: 'ConfigError' }))
    expect(create).toThrow(name)
  })

  it('refuse options that are a text', () => {
    expect(() => new FileIdentityProviderStore('a', 'toml' as never)).toThrow('expected an object')
  })
})

describe('a directory that cannot be written', () => {
  // Not even by root.
  it('gives a plain error to put and remove, and can be read', async () => {
    const store = new FileIdentityProviderStore('/sys/kernel')
    expect(await store.find('https://acme.example')).toEqual([])
    await expect(store.put(registrationOf('acme'))).rejects.toMatchObject({
      code: 'EACCES',
      message: '/sys/kernel: permission denied; let this process read and write the directory',
    })
    expect(await store.remove('acme')).toBe(false)
  })
})

describe('a file that somebody wrote by hand', () => {
  it('is found by its content, whatever its name is', async () => {
    directory.write('My Provider (old).json', registrationOf('acme', { displayName: 'Acme' }))
    directory.write('another.toml', 'id = "../other"\nname = "https://other.example"\nscopes = ["a"]\n')
    const store = directory.open()
    expect(await store.get('acme')).toMatchObject(registrationOf('acme', { displayName: 'Acme' }))
    expect(await store.find('https://other.example')).toMatchObject([{ id: '../other', scopes: ['a'] }])
    expect(await store.get('My Provider (old)')).toBeUndefined()
    expect(await store.get('another')).toBeUndefined()
  })

  it('may begin with a byte order mark, and end its lines as Windows does', async () => {
    directory.write('a.json', `\uFEFF${JSON.stringify(registrationOf('a'), undefined, 2).replaceAll('\n', '\r\n')}`)
    directory.write('b.toml', '\uFEFFid = "b"\r\nname = "https://b.example"\r\n')
    expect(await directory.open().list()).toMatchObject([{ id: 'a' }, { id: 'b' }])
  })

  it('keeps its name, its format and its mode when it is changed', async () => {
    directory.write('by hand.json', registrationOf('acme'))
    chmodSync(within('by hand.json'), 0o640)
    const store = directory.open({ format: 'toml' })
    const stored = await store.put(registrationOf('acme', { scopes: ['b'] }))
    expect(directory.fileNames()).toEqual(['by hand.json'])
    expect(JSON.parse(directory.read('by hand.json'))).toMatchObject({ id: 'acme', scopes: ['b'] })
    expect(modeOf('by hand.json')).toBe(0o640)
    expect(await directory.open().get('acme')).toEqual(stored)
  })

  it('keeps comments and variables when it is TOML and switched off', async () => {
    directory.write('by hand.toml', TOML)
    const store = directory.open({ env: { TOKEN: 'a secret' } })
    const [stored] = await store.find('https://acme.example')
    expect(stored).toMatchObject({ headers: { Authorization: 'Bearer a secret' } })
    const disabled = await store.put({ ...(stored as StoredRegistration), enabled: false })
    expect(directory.read('by hand.toml').replace(/updated_at = [\d.]+\n/, '')).toBe(
      TOML.replace('id = ', 'enabled = false\nid = '),
    )
    expect(await directory.open({ env: { TOKEN: 'a secret' } }).get('acme')).toEqual(disabled)
  })

  it('becomes JSON, for its owner only, when TOML cannot say what it is to be', async () => {
    directory.write('by hand.toml', TOML)
    const store = directory.open({ env: { TOKEN: 'a secret' } })
    const stored = await store.put(registrationOf('acme', { requiredClaims: { a: null } }))
    expect(directory.fileNames()).toEqual(['acme.json'])
    expect(modeOf('acme.json')).toBe(0o600)
    expect(await directory.open().list()).toEqual([stored])
  })

  it('is written for its owner only when its variables can no longer be read, and are written out', async () => {
    directory.write('acme.toml', TOML)
    chmodSync(within('acme.toml'), 0o644)
    const store = directory.open({ env: { TOKEN: 'a secret' } })
    await store.get('acme')
    directory.write('acme.toml', `${TOML}\n[`)
    const [known] = await store.find('https://acme.example')
    await store.put({ ...(known as StoredRegistration), enabled: false })
    expect(directory.read('acme.toml')).toContain('a secret')
    expect(modeOf('acme.toml')).toBe(0o600)
    expect(await directory.open().get('acme')).toMatchObject({ enabled: false })
  })

  it('counts as a change: a writer who has not seen it is refused', async () => {
    const store = directory.open()
    const seen = await store.put(registrationOf('acme'))
    directory.write('acme.json', directory.read('acme.json').replace('"a"', '"b"'))
    const put = store.put(registrationOf('acme', { enabled: false }), { ifRevision: seen.revision })
    const conflict = (await put.catch((error: RevisionConflict) => error)) as RevisionConflict
    expect(conflict).toMatchObject({ code: 'revision_conflict' })
    expect(await store.get('acme')).toMatchObject({ scopes: ['b'], revision: conflict.revision })
  })

  it('is seen at once by who asks for it, and within a second by its new name', async () => {
    const store = directory.open()
    await store.put(registrationOf('acme'))
    await pause(100)
    expect(await store.find('https://acme.example')).toHaveLength(1)
    directory.write('acme.json', registrationOf('acme', { enabled: false }))
    expect(await store.get('acme')).toMatchObject({ enabled: false })
    directory.write('acme.json', registrationOf('acme', { name: 'https://other.example' }))
    expect(await store.find('https://acme.example')).toEqual([])
    await pause(1000)
    expect(await store.find('https://other.example')).toHaveLength(1)
  })

  it('is seen although its size and its time stay the same', async () => {
    const store = directory.open()
    const time = new Date(1_700_000_000_000)
    directory.write('acme.json', registrationOf('acme', { scopes: ['a'] }))
    utimesSync(within('acme.json'), time, time)
    expect(await store.get('acme')).toMatchObject({ scopes: ['a'], updatedAt: 1_700_000_000 })
    for (const scope of ['b', 'c', 'd']) {
      directory.write('acme.json', registrationOf('acme', { scopes: [scope] }))
      utimesSync(within('acme.json'), time, time)
      expect(await store.get('acme')).toMatchObject({ scopes: [scope], updatedAt: 1_700_000_000 })
    }
  })

  it('is not read half: TOML, which has fewer rules without its end', async () => {
    const whole = `id = "acme"\nname = "https://acme.example"\nenabled = false\n[required_claims]\ngroup = "admin"\n`
    const store = directory.open()
    directory.write('acme.toml', whole.slice(0, whole.indexOf('enabled')))
    const found = store.find('https://acme.example')
    await pause(50)
    directory.write('acme.toml', whole)
    expect(await found).toMatchObject([{ enabled: false, requiredClaims: { group: 'admin' } }])
  })

  it('is not gone while an editor puts another one in its place', async () => {
    const store = directory.open()
    await store.put(registrationOf('acme'))
    const { changes } = await directory.watch(store)
    for (let round = 0; round < 3; round += 1) {
      renameSync(within('acme.json'), within('acme.json~'))
      const found = store.find('https://acme.example')
      await pause(30)
      directory.write('acme.json', registrationOf('acme', { scopes: [`${round}`] }))
      expect(await found).toHaveLength(1)
    }
    expect(await store.get('acme')).toMatchObject({ scopes: ['2'] })
    expect(changes.filter((change) => change?.revision === undefined)).toEqual([])
  })

  it('may be a link within the directory, as in a mounted ConfigMap', async () => {
    mkdirSync(within('..2024'))
    writeFileSync(join(within('..2024'), 'acme.json'), JSON.stringify(registrationOf('acme')))
    symlinkSync('..2024', within('..data'))
    symlinkSync(join('..data', 'acme.json'), within('acme.json'))
    const store = directory.open()
    expect(await store.get('acme')).toMatchObject({ scopes: ['a'] })
    mkdirSync(within('..2025'))
    writeFileSync(join(within('..2025'), 'acme.json'), JSON.stringify(registrationOf('acme', { scopes: ['b'] })))
    symlinkSync('..2025', within('..new'))
    renameSync(within('..new'), within('..data'))
    expect(await store.get('acme')).toMatchObject({ scopes: ['b'] })
  })
})

describe('a file that the store writes', () => {
  it('is JSON that people can read, for its owner only', async () => {
    const { updatedAt } = await directory.open().put(registrationOf('acme'))
    expect(directory.fileNames()).toEqual(['acme.json'])
    expect(modeOf('acme.json')).toBe(0o600)
    const { updatedAt: written, ...registration } = JSON.parse(directory.read('acme.json'))
    expect(registration).toEqual(registrationOf('acme'))
    expect(Math.abs(written - updatedAt)).toBeLessThan(2)
    expect(directory.read('acme.json')).toContain('\n  "id": "acme",\n')
  })

  it('is TOML with the names of deployment.toml, on demand', async () => {
    const store = directory.open({ format: 'toml' })
    const bindings = [{ name: 'a', when: { group: 'b' }, scopes: ['c'] }]
    const stored = await store.put(
      registrationOf('acme', { displayName: 'Acme', jwksUri: 'https://a.example', bindings }),
    )
    expect(directory.fileNames()).toEqual(['acme.toml'])
    expect(directory.read('acme.toml')).toContain('\ndisplay_name = "Acme"\njwks_uri = "https://a.example"\n')
    expect(directory.read('acme.toml')).toContain('\n[[binding]]\n')
    expect(await directory.open().get('acme')).toEqual(stored)
  })

  it('never takes the place of another registration', async () => {
    directory.write('acme.json', registrationOf('other'))
    directory.write('b.toml', 'id = "c"\nname = "https://c.example"\n')
    const store = directory.open()
    await store.put(registrationOf('acme'))
    await store.put(registrationOf('b'))
    expect((await directory.open().list()).map(({ id }) => id)).toEqual(['acme', 'b', 'c', 'other'])
    expect(directory.fileNames()).toEqual([
      'acme.json',
      expect.stringMatching(/^acme~[0-9a-f]{64}\.json$/),
      'b.toml',
      expect.stringMatching(/^b~[0-9a-f]{64}\.json$/),
    ])
    expect(await store.remove('acme')).toBe(true)
    expect(directory.read('acme.json')).toContain('other')
  })

  it.each([
    '../escaped',
    '/tmp/escaped',
    '..',
    '.',
    'a/../../escaped',
    'C:\\escaped',
    'NUL',
    '%2e%2e%2fescaped',
    '.lock',
  ])('is in the directory, for any id: %s', async (id) => {
    const inner = new FileIdentityProviderStore(join(directory.path, 'inner'))
    mkdirSync(within('inner'))
    const stored = await inner.put(registrationOf('x', { id }))
    expect(directory.fileNames()).toEqual(['inner'])
    expect(await inner.get(id)).toEqual(stored)
    expect(await inner.remove(id)).toBe(true)
    expect(directory.fileNames()).toEqual(['inner'])
  })

  it('is not expanded when it is read: text of an API stays text', async () => {
    const env = { TOKEN: 'a secret' }
    const members = { displayName: '${TOKEN}', headers: { A: '${TOKEN:-b}' }, certificates: ['/etc/passwd'] }
    for (const format of ['json', 'toml'] as const) {
      const store = directory.open({ format, env })
      await store.put(registrationOf(format, members))
      expect(await directory.open({ env }).get(format)).toMatchObject(members)
    }
  })

  it('is not too large, and not too deep', async () => {
    const store = directory.open()
    const [small, large] = [180_000, 300_000].map((length) => ({ description: 'x'.repeat(length) }))
    await expect(store.put(registrationOf('acme', large))).rejects.toThrow('at most 262144 characters')
    const deep = JSON.parse(`${'['.repeat(40)}${']'.repeat(40)}`)
    await expect(store.put(registrationOf('acme', { requiredClaims: deep }))).rejects.toThrow('32 levels')
    // Indented it would be too large for a file.
    const wide = { requiredClaims: { list: JSON.parse(`${'['.repeat(20)}${'1,'.repeat(60_000)}1${']'.repeat(20)}`) } }
    const stored = [await store.put(registrationOf('a', small)), await store.put(registrationOf('b', wide))]
    expect(await directory.open().list()).toEqual(stored)
  })
})
