import { afterEach, describe, expect, it } from '@jest/globals'
import { type LoadConfigOptions, loadConfig, readConfig, watchConfig } from '../../../src/config/index.js'
import { createJwtExchange, type RevocationStore } from '../../../src/index.js'
import { isConfigError } from '../../../src/option-checks/config-error.js'
import { createDeploymentFile, type DeploymentFile, deploymentOf } from '../../support/deployment-file.js'

const STORE: RevocationStore = { add: () => {}, read: () => ({ revocations: [] }) }
const env = { REDIS_URL: 'redis://a:pass-word@b' }
const BASE = `${deploymentOf()}[[identity_provider]]
name = "https://idp.example.com"
jwks_uri = "https://idp.example.com/keys"
allowed_subjects = "any"
`

let file: DeploymentFile
afterEach(() => file.remove())

function write(table: string): void {
  file = createDeploymentFile()
  file.write(BASE + table)
}

function load(table: string, loadOptions: LoadConfigOptions = {}) {
  write(table)
  const opened: string[] = []
  const redis = (url: string) => {
    opened.push(url)
    return STORE
  }
  const options = loadConfig(file.path, { env, revocationStores: { redis }, ...loadOptions })
  return { revocation: options.revocation, opened }
}

function problemsOf(read: () => unknown): unknown {
  try {
    return read()
  } catch (error) {
    return isConfigError(error) ? error.problems.map(({ path, message }) => [path.join('.'), message]) : error
  }
}

describe('a [revocation] table', () => {
  it.each([
    ['store = "postgres"\nurl = "postgres://b"', 'revocation.store', 'loadConfig(path, { revocationStores })'],
    ['store = "redis"', 'revocation.url', 'expected the URL of the store'],
    ['url = "${REDIS_URL}"', 'revocation.url', 'has no URL'],
    ['store = "redis"\nurl = "${REDIS_URL}"\npoll_interval = 5', 'revocation.poll_interval', 'from 50 to 60000'],
    ['poll_interval = 6000', 'revocation.poll_interval', 'make `max_stale` at least twice `poll_interval`'],
    ['prefix = "a"', 'revocation.prefix', 'unknown'],
  ])('%p is reported in its place', (table, path, message) => {
    expect(problemsOf(() => load(`[revocation]\n${table}`))).toEqual([[path, expect.stringContaining(message)]])
  })

  it.each([
    ['', undefined, []],
    ['[revocation]\nstore = "memory"', {}, []],
    ['[revocation]\nmax_stale = 5000', { maxStale: 5000 }, []],
    ['[revocation]\nstore = "redis"\nurl = "${REDIS_URL}"', { store: STORE }, ['redis://a:pass-word@b']],
    ['[revocation]\nmode = "off"\nstore = "redis"\nurl = "${REDIS_URL}"', { mode: 'off' }, []],
  ])('%p means %j', (table, revocation, opened) => {
    expect(load(table)).toEqual({ revocation, opened })
  })

  it('gives way to a store in code, and is on if it is there at all', () => {
    expect(
      load('[revocation]\nstore = "redis"\nurl = "redis://b"', { options: { revocation: { store: STORE } } }),
    ).toEqual({
      revocation: { store: STORE },
      opened: [],
    })
    const exchange = createJwtExchange({ ...loadConfig(file.path, { env, revocationStores: { redis: () => STORE } }) })
    expect(exchange.stats().revocation?.state).toBe('loading')
    exchange.close()
  })

  it('is named by readConfig, which opens nothing', () => {
    write(`[revocation]\nstore = "redis"\nurl = "redis://b"\ntimeout = 50`)
    const { options, revocationStore } = readConfig(file.path, { env, revocationStores: ['redis'] })
    expect([options.revocation, revocationStore]).toEqual([{ timeout: 50 }, { name: 'redis', url: 'redis://b' }])
  })

  it('cannot name another store while the exchange runs, and keeps the one that it has', async () => {
    write(`[revocation]\nstore = "redis"\nurl = "redis://b"`)
    const opened: string[] = []
    const redis = (url: string) => {
      opened.push(url)
      return STORE
    }
    const exchange = watchConfig(file.path, { env, interval: 50, revocationStores: { redis } })
    const refused = new Promise<string>((resolve) =>
      exchange.events.once('config.refused', ({ message }) => resolve(message)),
    )
    file.write(`${BASE}[revocation]\nstore = "redis"\nurl = "redis://c"`)
    expect(await refused).toContain('revocation.store: cannot change while the exchange runs')
    expect(opened).toEqual(['redis://b'])
    exchange.close()
  })
})
