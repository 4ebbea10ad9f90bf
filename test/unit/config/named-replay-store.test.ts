import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { type LoadConfigOptions, loadConfig, type OpenReplayStore } from '../../../src/config/index.js'
import { type ConfigError, createJwtExchange, type ReplayStore } from '../../../src/index.js'

const STORE: ReplayStore = { markUsed: () => true }
const REST = `issuer = "https://api.example.com/oauth2"
access_token = { audience = "https://api.example.com" }
[[identity_provider]]
name = "https://exampleidp.com"
jwks_uri = "https://exampleidp.com/keys"
allowed_subjects = "any"
[[client]]
client_id = "app"
client_secret = "secret-of-the-tests"
[replay]
`

let directory: string
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'named-replay-store-'))
})
afterAll(() => rmSync(directory, { recursive: true }))

/** Loads a file with this `[replay]` table, and tells which URLs were opened. */
function load(table: string, loadOptions: LoadConfigOptions = {}) {
  const path = join(directory, 'deployment.toml')
  writeFileSync(path, REST + table)
  const opened: string[] = []
  const redis: OpenReplayStore = (url) => {
    opened.push(url)
    return STORE
  }
  const problems: string[] = []
  try {
    const options = loadConfig(path, {
      replayStores: { redis },
      env: { REDIS_URL: 'redis://a:pass-word@b' },
      ...loadOptions,
    })
    return { options, opened, problems, message: '' }
  } catch (error) {
    const { name, message, problems: found } = error as ConfigError
    expect(name).toBe('ConfigError')
    for (const { path: at, location = '' } of found)
      problems.push(`${location.split('toml:')[1] ?? location} ${at.join('.')}`)
    return { options: undefined, opened, problems, message }
  }
}

describe('a [replay] table that cannot be used', () => {
  it.each([
    ['a store that nobody made known', 'store = "postgres"\nurl = "postgres://a:pass-word@b"', ['11:1 replay.store']],
    ['the name of a property of all objects', 'store = "constructor"\nurl = "redis://b"', ['11:1 replay.store']],
    ['__proto__ for a name', 'store = "__proto__"\nurl = "redis://b"', ['11:1 replay.store']],
    ['another spelling', 'store = "Redis"\nurl = "redis://b"', ['11:1 replay.store']],
    ['an empty name', 'store = ""', ['11:1 replay.store']],
    ['a URL in place of a name', 'store = "redis://a:pass-word@b"', ['11:1 replay.store']],
    ['a store of another type', 'store = 7\nurl = "redis://b"', ['11:1 replay.store']],
    ['no URL', 'store = "redis"', ['10:1 replay.url']],
    ['an empty URL', 'store = "redis"\nurl = ""', ['12:1 replay.url']],
    ['text that is no URL', 'store = "redis"\nurl = "pass-word"', ['12:1 replay.url']],
    ['a URL of another type', 'store = "redis"\nurl = ["redis://b"]', ['12:1 replay.url']],
    ['a variable that is not set', 'store = "redis"\nurl = "${OTHER_URL}"', ['12:1 replay.url']],
    ['a URL without a store', 'url = "${REDIS_URL}"', ['11:1 replay.url']],
    ['a URL for the memory', 'store = "memory"\nurl = "${REDIS_URL}"', ['12:1 replay.url']],
    ['a timeout out of bounds', 'store = "redis"\nurl = "redis://b"\ntimeout = 5', ['13:1 replay.timeout']],
    ['an unknown key', 'store = "redis"\nurl = "redis://b"\nprefix = "a"', ['13:1 replay.prefix']],
  ])('%s is told with line and column, and nothing is opened', (_, table, expected) => {
    const { problems, message, opened } = load(table)
    expect(problems).toEqual(expected)
    expect(message).not.toContain('pass-word')
    expect(opened).toEqual([])
  })

  it('is told beside the problems elsewhere in the file, and nothing is opened', () => {
    const { problems, opened } = load('store = "redis"\nurl = "redis://b"\n[assertion]\nmax_age = -1')
    expect([problems, opened]).toEqual([['14:1 assertion.max_age'], []])
  })

  it('names the stores that there are, and how to make others known', () => {
    expect(load('store = "reddis"').message).toContain('Did you mean "redis"?')
    const { message } = load('store = "postgres"', { replayStores: {} })
    expect(message).toContain(
      'got "postgres"; expected one of "memory", or a name that you add in loadConfig(path, { replayStores })',
    )
  })
})

describe('a [replay] table', () => {
  it('that names a store has it made of its URL, once', () => {
    const { options, opened } = load('store = "redis"\nurl = "${REDIS_URL}"\ntimeout = 200')
    expect(opened).toEqual(['redis://a:pass-word@b'])
    expect(options?.replay).toEqual({ store: STORE, timeout: 200 })
  })

  it.each(['', 'store = "memory"'])('%p means the memory of the process', (table) => {
    const { options, opened } = load(`${table}\nmax_entries = 10`)
    expect([options?.replay, opened]).toEqual([{ maxEntries: 10 }, []])
    if (options !== undefined) createJwtExchange(options).close()
  })

  it('gives way to a store in code, and none is opened', () => {
    const store = { markUsed: () => false }
    const { options, opened } = load('store = "redis"\nurl = "redis://b"', { options: { replay: { store } } })
    expect([options?.replay?.store, opened]).toEqual([store, []])
  })

  it.each<[string, object, string[]]>([
    ['store = "redis"\nurl = "redis://b"', { timeout: 500 }, ['in code replay']],
    ['store = "redis"\nurl = "redis://b"\ntimeout = 200', { store: STORE }, ['in code replay']],
    ['max_entries = 5', { timeout: 500 }, ['in code replay']],
    ['store = "memory"', { timeout: 500 }, []],
    ['store = "redis"\nurl = "redis://b"', { store: STORE, timeout: 500 }, []],
    ['', { timeout: 500 }, []],
  ])('%p is not dropped by %j in code', (table, replay, expected) => {
    const { problems, opened, message } = load(table, { options: { replay } })
    expect([problems, opened]).toEqual([expected, []])
    if (expected.length > 0)
      expect(message).toMatch(/leaves out `(store|timeout|maxEntries)`, which the file sets; repeat/)
  })

  it('passes on what fails in making the store', () => {
    const path = join(directory, 'failing.toml')
    writeFileSync(path, `${REST}store = "redis"\nurl = "redis://b"`)
    const redis = () => {
      throw new TypeError('no such driver')
    }
    expect(() => loadConfig(path, { replayStores: { redis } })).toThrow('no such driver')
  })
})
