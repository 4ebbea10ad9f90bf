import { spawn } from 'node:child_process'
import { renameSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createInterface } from 'node:readline'
import { setTimeout as pause } from 'node:timers/promises'
import { pathToFileURL } from 'node:url'
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { decodeJwt } from 'jose'
import { loadConfig, type WatchConfigOptions, watchConfig } from '../../../src/config/index.js'
import { type JwtExchange, MemoryReplayStore } from '../../../src/index.js'
import { FakeIdentityProvider } from '../../../src/testing/index.js'
import { EC_CERTIFICATE, RSA_CERTIFICATE } from '../../support/certificates.js'
import {
  clientSecretOf,
  createDeploymentFile,
  type DeploymentFile,
  deploymentOf,
} from '../../support/deployment-file.js'
import { TOKEN_ENDPOINT } from '../../support/exchange-host.js'
import { hostApp } from '../../support/host-app.js'

const BASIC = `Basic ${Buffer.from(`app:${clientSecretOf('app')}`).toString('base64')}`
const ENVIRONMENTS = ['test', 'production'] as const

let idp: FakeIdentityProvider
let file: DeploymentFile
let path: string
let exchange: JwtExchange
let url: string
let close = async () => {}

beforeEach(async () => {
  idp = await FakeIdentityProvider.start({ algorithm: 'ES256', alias: TOKEN_ENDPOINT })
  file = createDeploymentFile()
  path = file.path
})
afterEach(async () => {
  await close()
  await idp.close()
  file.remove()
})

/**
 * All that a revision decides says which one it is: scope, lifetime and a claim of the access token, and which environment
 * it accepts.
 */
const tomlOf = (revision: number, more = '') => `${deploymentOf([`revision:${revision}`])}[[identity_provider]]
name = "${idp.name}"
jwks_uri = "${idp.jwksUri}"
max_lifetime = 7200
lifetime = ${1000 + revision}
required_claims = { environment = "${ENVIRONMENTS[revision % 2]}" }
claims_to_token = { revision = { value = ${revision} } }
${more}`

async function start(options: WatchConfigOptions = {}): Promise<void> {
  exchange = watchConfig(path, { interval: 50, ...options })
  const server = createServer(hostApp(exchange)).listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/oauth2/token`
  close = async () => {
    exchange.close()
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  }
}

async function exchangeOne(environment: string) {
  const assertion = await idp.issueAssertion({ environment })
  const response = await fetch(url, {
    method: 'POST',
    headers: { authorization: BASIC },
    body: new URLSearchParams({ grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer', assertion }),
  })
  const body = (await response.json()) as Record<string, unknown>
  return { status: response.status, body }
}

/** Resolves with the next change or refusal. */
const nextNews = () =>
  new Promise<'changed' | 'refused'>((resolve) => {
    exchange.events.once('config.changed', () => resolve('changed'))
    exchange.events.once('config.refused', () => resolve('refused'))
  })

async function write(text: string, how: 'rename' | 'in place' | 'in parts' = 'in place') {
  const news = nextNews()
  if (how === 'rename') {
    writeFileSync(`${path}.new`, text)
    renameSync(`${path}.new`, path)
  } else {
    if (how === 'in parts') {
      writeFileSync(path, text.slice(0, text.indexOf('claims = ')))
      await pause(30)
    }
    writeFileSync(path, text)
  }
  return news
}

describe('a live file', () => {
  it('is followed by all exchanges during 50 rewrites without one that is lost or judged by mixed rules', async () => {
    writeFileSync(path, tomlOf(0))
    await start()
    let inForce = 0
    let isWriting = true
    const verdicts = { accepted: 0, refused: 0 }
    const wrong: unknown[] = []
    const judgeOne = async () => {
      const environment = ENVIRONMENTS[Math.floor(Math.random() * 2)] ?? ''
      const from = inForce
      const { status, body } = await exchangeOne(environment)
      const revisions = Array.from({ length: inForce - from + 1 }, (_, index) => from + index)
      const fits = (revision: number) => {
        const accepts = ENVIRONMENTS[revision % 2] === environment
        if (!accepts) return status === 400 && body.error === 'invalid_grant'
        return (
          status === 200 &&
          body.scope === `revision:${revision}` &&
          body.expires_in === 1000 + revision &&
          decodeJwt(String(body.access_token)).revision === revision
        )
      }
      if (!revisions.some(fits)) wrong.push({ revisions, environment, status, body })
      verdicts[status === 200 ? 'accepted' : 'refused'] += 1
    }
    const loop = async () => {
      while (isWriting || verdicts.accepted + verdicts.refused < 500) await judgeOne()
    }
    const loops = Array.from({ length: 4 }, loop)
    let refusals = 0
    for (let rewrite = 1; rewrite <= 50; rewrite += 1) {
      if (rewrite % 5 === 0) {
        const broken =
          [`${tomlOf(99)}nonsense = `, tomlOf(99, 'scope = ["a"]'), 'issuer = "x"'][(rewrite / 5) % 3] ?? ''
        expect(await write(broken)).toBe('refused')
        refusals += 1
      } else {
        const next = inForce + 1
        exchange.events.once('config.changed', () => {
          inForce = next
        })
        expect(await write(tomlOf(next), (['rename', 'in place', 'in parts'] as const)[rewrite % 3])).toBe('changed')
      }
    }
    isWriting = false
    await Promise.all(loops)
    expect(wrong).toEqual([])
    expect(verdicts.accepted).toBeGreaterThan(100)
    expect(verdicts.refused).toBeGreaterThan(100)
    expect([inForce, refusals, exchange.stats().config.revision]).toEqual([40, 10, 41])
    expect(idp.fetches).toBe(1)
  }, 120_000)

  it('that is broken changes nothing, and says so with line and column, until it is mended', async () => {
    writeFileSync(path, tomlOf(0))
    await start()
    expect(await write(tomlOf(1, 'required_clamis = { a = "b" }'))).toBe('refused')
    const { message = '' } = exchange.stats().config.lastRefusal ?? {}
    expect(message).toContain(`${path}:15:1: identity_provider[0].required_clamis`)
    expect(message).toContain('did you mean `required_claims`?')
    expect((await exchangeOne('test')).body.scope).toBe('revision:0')
    expect(await write(tomlOf(2))).toBe('changed')
    expect((await exchangeOne('test')).body.scope).toBe('revision:2')
    expect(exchange.stats().config.lastRefusal).toBeUndefined()
  })

  it.each<[string, (toml: string) => string, string]>([
    [
      'a key at the top',
      (toml) => toml.replace('issuer = "https://api', 'issuer = "https://other'),
      ':1:1: issuer: cannot change while the exchange runs',
    ],
    [
      'a key of an identity provider, in the words of the file',
      (toml) => `${toml}clock_tolerance = 600\n`,
      ':15:1: identity_provider[0].clock_tolerance: got 600; expected at most 60, as at the start',
    ],
    [
      'a key of a table that is new',
      (toml) => `${toml}[client_authentication]\nmax_failures = 3\n`,
      ':16:1: client_authentication.max_failures: cannot change while the exchange runs',
    ],
  ])('that changes what takes a restart says so with line and column: %s', async (_, change, problem) => {
    writeFileSync(path, tomlOf(0))
    await start()
    expect(await write(change(tomlOf(1)))).toBe('refused')
    expect(exchange.stats().config.lastRefusal?.message).toContain(`${path}${problem}`)
    expect((await exchangeOne('test')).body.scope).toBe('revision:0')
  })

  it('that is gone changes nothing, and is followed again when it is back', async () => {
    writeFileSync(path, tomlOf(0))
    await start()
    const news = nextNews()
    rmSync(path)
    expect(await news).toBe('refused')
    expect(exchange.stats().config.lastRefusal?.message).toContain('the file does not exist')
    expect((await exchangeOne('test')).status).toBe(200)
    expect(await write(tomlOf(2))).toBe('changed')
  })

  it('that is touched but the same is not read as a change', async () => {
    writeFileSync(path, tomlOf(0))
    await start()
    writeFileSync(path, tomlOf(0))
    await pause(400)
    expect(exchange.stats().config.revision).toBe(1)
  })

  it('is no longer followed after close()', async () => {
    writeFileSync(path, tomlOf(0))
    await start()
    exchange.close()
    writeFileSync(path, tomlOf(1))
    await pause(400)
    expect(exchange.stats().config.revision).toBe(1)
    expect(process.listenerCount('SIGHUP')).toBe(0)
  })

  it('keeps the replay store that it named first, and opens no other', async () => {
    const opened: string[] = []
    const open = (opens: string) => {
      opened.push(opens)
      return new MemoryReplayStore()
    }
    const replay = '\n[replay]\nstore = "fake"\nurl = "fake://'
    writeFileSync(path, tomlOf(0, `${replay}one"`))
    await start({ replayStores: { fake: open } })
    expect(await write(tomlOf(1, `${replay}one"`))).toBe('changed')
    expect(await write(tomlOf(2, `${replay}two"`))).toBe('refused')
    expect(await write(tomlOf(2))).toBe('refused')
    expect(exchange.stats().config.lastRefusal?.message).toContain(
      'replay.store: cannot change while the exchange runs',
    )
    expect(await write(tomlOf(2, `${replay}one"`))).toBe('changed')
    expect(opened).toEqual(['fake://one'])
  })

  it('is read again at a SIGHUP, with the files that it names', async () => {
    const certificates = file.writeBeside('idp.pem', RSA_CERTIFICATE)
    writeFileSync(path, tomlOf(0).replace(/^jwks_uri = .*$/m, 'certificates = ["idp.pem"]'))
    const script = `import { watchConfig } from '${pathToFileURL('dist/config/index.js')}'
      const exchange = watchConfig(${JSON.stringify(path)})
      const tell = (name) => () => console.log(name, exchange.stats().identityProviders[0].certificates[0].subject)
      for (const name of ['config.changed', 'config.refused']) exchange.events.on(name, tell(name))
      setInterval(() => {}, 1000)
      console.log('started')`
    const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const lines = createInterface(child.stdout)[Symbol.asyncIterator]()
    const nextLine = async () => (await lines.next()).value
    try {
      expect(await nextLine()).toBe('started')
      writeFileSync(certificates, EC_CERTIFICATE)
      child.kill('SIGHUP')
      expect(await nextLine()).toMatch(/^config\.changed CN=/)
      rmSync(certificates)
      child.kill('SIGHUP')
      expect(await nextLine()).toMatch(/^config\.refused CN=/)
    } finally {
      child.kill()
    }
  })

  it.each([49, 600_001, 1.5, '1000' as never])('is not looked at every %j milliseconds', (interval) => {
    writeFileSync(path, tomlOf(0))
    expect(() => watchConfig(path, { interval })).toThrow('watchConfig.interval: got')
  })

  it('takes no option that there is not', () => {
    writeFileSync(path, tomlOf(0))
    const slip = { intervall: 100 } as WatchConfigOptions
    expect(() => watchConfig(path, slip)).toThrow('intervall: unknown option')
    expect(() => loadConfig(path, slip)).toThrow('intervall: unknown option')
  })

  it('must be usable at the start', () => {
    writeFileSync(path, 'issuer = 1')
    expect(() => watchConfig(path)).toThrow(/deployment\.toml:1:1: issuer/)
    expect(process.listenerCount('SIGHUP')).toBe(0)
  })
})
