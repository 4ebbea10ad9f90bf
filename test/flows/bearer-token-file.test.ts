import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { loadConfig } from '../../src/config/index.js'
import { createJwtExchange, type IdentityProviderOptions } from '../../src/index.js'
import { type ClockedHost, startClockedHost } from '../support/clocked-host.js'
import { deploymentOf } from '../support/deployment-file.js'

const [FIRST, SECOND] = ['first-s3cret-token', 'second-s3cret-token']

/** The directory of a projected volume: `token` leads through `..data` to the file of the moment. */
let volume: string
/** Demands a token for its keys, as the API server of Kubernetes does. */
let apiServer: Server
let origin: string
let accepted: string
/** In the metadata. */
let jwksUri: string
let sent: (string | undefined)[]
let host: ClockedHost

beforeEach(async () => {
  volume = mkdtempSync(join(tmpdir(), 'projected-'))
  ;[accepted, sent] = [FIRST, []]
  apiServer = createServer((req, res) => {
    sent.push(req.headers.authorization)
    if (req.headers.authorization !== `Bearer ${accepted}`) res.writeHead(401).end('{"kind":"Status","code":401}')
    else if (req.url === '/metadata') res.end(JSON.stringify({ issuer: host.idp.name, jwks_uri: jwksUri }))
    else res.end(JSON.stringify({ keys: [host.idp.signingKey.publicJwk] }))
  }).listen(0, '127.0.0.1')
  await new Promise((done) => apiServer.once('listening', done))
  origin = `http://127.0.0.1:${(apiServer.address() as AddressInfo).port}`
  project(`${FIRST}\n`, '1')
})
afterEach(async () => {
  await host.close()
  apiServer.closeAllConnections()
  await new Promise((done) => apiServer.close(done))
  rmSync(volume, { recursive: true })
})

/** What the kubelet does: a new directory, and a link that is renamed over the old one. */
function project(token: string, revision: string): void {
  mkdirSync(join(volume, revision))
  writeFileSync(join(volume, revision, 'token'), token)
  symlinkSync(revision, join(volume, '..data_tmp'))
  renameSync(join(volume, '..data_tmp'), join(volume, '..data'))
  if (revision === '1') symlinkSync(join('..data', 'token'), join(volume, 'token'))
}

async function start(identityProvider: Partial<IdentityProviderOptions> = {}): Promise<void> {
  const own = { jwksUri: `${origin}/openid/v1/jwks`, bearerTokenFile: join(volume, 'token') }
  host = await startClockedHost({ identityProvider: { ...own, ...identityProvider } })
}

const exchangeOne = async () => (await host.judge(await host.assertion())).status
const statsOf = () => host.exchange.stats().identityProviders[0]
const refresh = () => host.exchange.refreshKeys(host.idp.name).catch(() => {})

describe('a key endpoint that demands a token', () => {
  it('gets the one that is in the file at each fetch, also after a rotation', async () => {
    await start()
    expect(await exchangeOne()).toBe(200)
    accepted = SECOND
    project(SECOND, '2')
    await refresh()
    expect(sent).toEqual([`Bearer ${FIRST}`, `Bearer ${SECOND}`])
    expect(statsOf()).toMatchObject({ state: 'ok', failedFetches: 0, fetches: 2 })
  })

  it('is asked again with the next token, after it has refused one that had expired', async () => {
    await start()
    await exchangeOne()
    accepted = SECOND
    await refresh()
    expect(statsOf()?.lastFailure).toMatchObject({ reason: 'unexpected_status', code: '401' })
    project(SECOND, '2')
    await refresh()
    expect(statsOf()?.consecutiveFailures).toBe(0)
  })

  it.each<[string, () => void, object]>([
    ['missing', () => unlinkSync(join(volume, '..data')), { code: 'ENOENT' }],
    ['empty', () => project('\n', '2'), { detail: 'it is empty' }],
    ['too large', () => project('s3cret'.repeat(3000), '2'), { detail: 'it has more than 16384 bytes' }],
    ['two headers', () => project('s3cret\r\nx-a: b', '2'), { detail: expect.stringContaining('visible ASCII') }],
  ])(
    'is not asked while the file is %s; the last good keys stay, and nothing is told of the token',
    async (_, spoil, details) => {
      await start()
      expect(await exchangeOne()).toBe(200)
      spoil()
      await refresh()
      expect(await exchangeOne()).toBe(200)
      const failed = host.events.filter(({ name }) => name === 'jwks.failed')
      expect(failed).toEqual([expect.objectContaining({ reason: 'bearer_token_file_failed', ...details })])
      expect(statsOf()?.lastFailure).toMatchObject({ reason: 'bearer_token_file_failed', ...details })
      expect(JSON.stringify([host.events, host.exchange.stats()])).not.toContain('s3cret')
      expect(sent).toHaveLength(1)
    },
  )

  it('is an outage while the file is missing and there are no keys, and recovers by itself', async () => {
    unlinkSync(join(volume, '..data'))
    await start()
    expect(await exchangeOne()).toBe(503)
    project(FIRST, '2')
    host.clock.advance(120)
    expect(await exchangeOne()).toBe(200)
  })

  it('gets no token if a function of headers makes another Authorization', async () => {
    await start({ headers: () => ({ AUTHORIZATION: 'Basic x' }) })
    expect(await exchangeOne()).toBe(503)
    expect([sent, statsOf()?.lastFailure?.reason]).toEqual([[], 'request_headers_failed'])
  })

  it('gets the token in addition to other headers', async () => {
    await start({ headers: () => ({ 'X-Tenant': 'a\n' }) })
    expect([await exchangeOne(), sent]).toEqual([200, [`Bearer ${FIRST}`]])
  })
})

describe('with discovery', () => {
  const startWithDiscovery = async () => {
    const identityProvider = { discovery: `${origin}/metadata`, bearerTokenFile: join(volume, 'token') }
    host = await startClockedHost({ identityProvider })
  }

  it('the token is not sent to another origin, to which the metadata lead', async () => {
    const elsewhere: (string | undefined)[] = []
    const other = createServer((req, res) => {
      elsewhere.push(req.headers.authorization)
      res.end(JSON.stringify({ keys: [host.idp.signingKey.publicJwk] }))
    }).listen(0, '127.0.0.1')
    await new Promise((done) => other.once('listening', done))
    jwksUri = `http://127.0.0.1:${(other.address() as AddressInfo).port}/keys`
    await startWithDiscovery()
    expect(await exchangeOne()).toBe(200)
    expect([sent, elsewhere]).toEqual([[`Bearer ${FIRST}`], [undefined]])
    await new Promise((done) => other.close(done))
  })

  it('the token is sent for the keys as well, if they are at the same origin', async () => {
    jwksUri = `${origin}/keys`
    await startWithDiscovery()
    expect([await exchangeOne(), sent]).toEqual([200, [`Bearer ${FIRST}`, `Bearer ${FIRST}`]])
  })
})

describe('a configuration file', () => {
  it('names the file relative to itself', async () => {
    await start()
    const path = join(volume, 'deployment.toml')
    const provider = `[[identity_provider]]
name = "${host.idp.name}"
jwks_uri = "${origin}/openid/v1/jwks"
bearer_token_file = "\${FOLDER}/token"
allowed_subjects = "any"
`
    writeFileSync(path, `${deploymentOf()}${provider}`)
    const exchange = createJwtExchange(loadConfig(path, { env: { FOLDER: '..data' } }))
    await exchange.ready()
    expect(exchange.stats().identityProviders[0]?.state).toBe('ok')
    exchange.close()
    expect(sent).toEqual([`Bearer ${FIRST}`])
  })
})
