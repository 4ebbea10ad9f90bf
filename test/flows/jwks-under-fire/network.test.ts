import { execFile } from 'node:child_process'
import { Agent as HttpAgent } from 'node:http'
import { Agent } from 'node:https'
import { connect, type LookupFunction } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import { promisify } from 'node:util'
import { afterEach, describe, expect, it } from '@jest/globals'
import type { IdentityProviderOptions, KeySourceStats } from '../../../src/index.js'
import { createCertificateAuthority, type IssuedCertificate } from '../../support/certificate-authority.js'
import { startExchangeHost } from '../../support/exchange-host.js'
import { type ForwardProxy, startForwardProxy } from '../../support/forward-proxy.js'
import { AUTHORITY, startTlsHost, startTlsServer, type TlsHost, type TlsServer } from '../../support/tls-host.js'

const QUICK = { connectionTimeout: 300, readTimeout: 5000, failureBackOff: 60_000 }
const DAY = 86_400_000

let host: TlsHost
let server: TlsServer
let proxy: ForwardProxy | undefined
afterEach(async () => {
  await host.close()
  await server.close()
  await proxy?.close()
  proxy = undefined
})

/** A host whose key set comes from a server of its own, at a name or address of the URL. */
async function startHostWith(
  connection: Partial<IdentityProviderOptions> = {},
  { hostname = '127.0.0.1', certificate }: { hostname?: string; certificate?: IssuedCertificate } = {},
): Promise<void> {
  server = await startTlsServer((_, response) => {
    response.end(JSON.stringify({ keys: [host.idp.signingKey.publicJwk] }))
  }, certificate)
  const jwksUri = `https://${hostname}:${server.port}/jwks`
  host = await startTlsHost({ jwksEndpoint: QUICK, identityProvider: { jwksUri, ...connection } })
}

function lookupOf(...addresses: readonly string[]): { lookup: LookupFunction; names: string[] } {
  const names: string[] = []
  const lookup: LookupFunction = (name, options, callback) => {
    names.push(name)
    const found = addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 }))
    if (options.all) callback(null, found)
    else callback(null, found[0]?.address ?? '', found[0]?.family)
  }
  return { lookup, names }
}

async function expectFailure(reason: string, code?: string): Promise<void> {
  expect((await host.tryExchange()).status).toBe(503)
  const failure = { reason, ...(code !== undefined && { code }) }
  expect(host.eventsOf('jwks.failed')).toMatchObject([failure])
  expect(host.stats().lastFailure).toMatchObject(failure)
  expect(server.seen.requests).toBe(0)
}

/** What becomes of the key set in a process with these variables. */
async function readyInProcess(connection: object, env: Readonly<Record<string, string>>): Promise<KeySourceStats> {
  const options = {
    issuer: 'https://api.example.com',
    identityProviders: [
      { name: 'https://idp.example.com', allowedSubjects: 'any', jwksUri: server.url, ...connection },
    ],
    clients: [{ clientId: 'app', clientSecret: 'secret-of-the-tests' }],
    accessToken: { audience: 'https://api.example.com' },
  }
  const program = `
    import { createJwtExchange } from 'express-jwt-exchange'
    const { identityProviders } = await createJwtExchange(${JSON.stringify(options)}).ready()
    console.log(JSON.stringify(identityProviders[0]))`
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', program], {
    env: { ...process.env, NODE_OPTIONS: '', ...env },
  })
  return JSON.parse(stdout)
}

describe('the certificate of an endpoint', () => {
  it('is accepted when a configured authority has issued it', async () => {
    await startHostWith()
    expect((await host.tryExchange()).status).toBe(200)
  })

  it('is accepted when one of several configured authorities has issued it', async () => {
    await startHostWith({ ca: [createCertificateAuthority('Another').certificate, AUTHORITY.certificate] })
    expect((await host.tryExchange()).status).toBe(200)
  })

  it.each<[string, Partial<IdentityProviderOptions>, IssuedCertificate, string]>([
    [
      'another authority has issued it',
      { ca: createCertificateAuthority('Another').certificate },
      AUTHORITY.issue({ names: ['127.0.0.1'] }),
      'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
    ],
    [
      'another authority of the same name has issued it',
      {},
      createCertificateAuthority('Authority of the tests').issue({ names: ['127.0.0.1'] }),
      'CERT_SIGNATURE_FAILURE',
    ],
    [
      'it has expired',
      {},
      AUTHORITY.issue({
        names: ['127.0.0.1'],
        validFrom: new Date(Date.now() - 2 * DAY),
        validTo: new Date(Date.now() - DAY),
      }),
      'CERT_HAS_EXPIRED',
    ],
    [
      'it is not valid yet',
      {},
      AUTHORITY.issue({
        names: ['127.0.0.1'],
        validFrom: new Date(Date.now() + DAY),
        validTo: new Date(Date.now() + 2 * DAY),
      }),
      'CERT_NOT_YET_VALID',
    ],
    ['it is for another name', {}, AUTHORITY.issue({ names: ['idp.example.com'] }), 'ERR_TLS_CERT_ALTNAME_INVALID'],
  ])('is refused when %s', async (_, connection, certificate, code) => {
    await startHostWith(connection, { certificate })
    await expectFailure('certificate_not_trusted', code)
  })

  it('is refused though the environment says that certificates need not be checked', async () => {
    await startHostWith()
    const ca = createCertificateAuthority('Another').certificate
    const { lastFailure } = await readyInProcess({ ca }, { NODE_TLS_REJECT_UNAUTHORIZED: '0' })
    expect([lastFailure?.reason, server.seen.requests]).toEqual(['certificate_not_trusted', 0])
  })

  it('is refused though an agent says that certificates need not be checked', async () => {
    const ca = createCertificateAuthority('Another').certificate
    await startHostWith({ ca, agent: new Agent({ rejectUnauthorized: false }) })
    await expectFailure('certificate_not_trusted')
  })
})

describe('request headers', () => {
  it('are sent as configured, and made anew for each fetch by a function', async () => {
    const seen: unknown[] = []
    let token = 1
    await startHostWith({ headers: async () => ({ authorization: `Bearer token-${token++}` }) })
    server.answerWith((request, response) => {
      seen.push(request.headers.authorization)
      response.end(JSON.stringify({ keys: [host.idp.signingKey.publicJwk] }))
    })
    await host.exchange.refreshKeys(host.idp.name)
    await host.exchange.refreshKeys(host.idp.name)
    expect(seen).toEqual(['Bearer token-1', 'Bearer token-2'])
    expect(JSON.stringify([host.events, host.stats()])).not.toContain('token-1')
  })

  it('say that no cache may answer when an operator refreshes the keys, and only then', async () => {
    const seen: unknown[] = []
    await startHostWith({ headers: { 'Cache-Control': 'max-age=60' } })
    server.answerWith((request, response) => {
      seen.push(request.headers['cache-control'])
      response.end(JSON.stringify({ keys: [host.idp.signingKey.publicJwk] }))
    })
    await host.exchange.ready()
    await host.exchangeAssertion(await host.idp.issueAssertion({}, { kid: 'unknown' }))
    await host.exchange.refreshKeys(host.idp.name)
    expect(seen).toEqual(['max-age=60', 'max-age=60', 'no-cache'])
  })

  it.each<[string, () => never | Promise<never>]>([
    [
      'throws',
      () => {
        throw new Error('no token: s3cret')
      },
    ],
    ['rejects', () => Promise.reject(new Error('s3cret'))],
    ['returns what cannot be sent', () => ({ authorization: 'a\r\nx: s3cret' }) as never],
    ['returns nothing', () => undefined as never],
  ])('that a function makes are an outage when it %s, and nothing of that is told', async (_, headers) => {
    await startHostWith({ headers })
    await expectFailure('request_headers_failed')
    expect(JSON.stringify([host.events, host.stats()])).not.toContain('s3cret')
    expect(server.seen.connections).toBe(0)
  })

  it('that never come are cut off at the connection timeout', async () => {
    await startHostWith({ headers: () => new Promise(() => {}) })
    const { milliseconds } = await host.tryExchange()
    expect(host.stats().lastFailure).toMatchObject({ reason: 'connection_timeout' })
    expect(milliseconds).toBeLessThan(QUICK.readTimeout)
  })
})

describe('the network guard', () => {
  it('connects to the address that was looked up, and checks the certificate for the name', async () => {
    const { lookup, names } = lookupOf('127.0.0.1')
    await startHostWith({ lookup }, { hostname: 'idp.example.com' })
    expect([(await host.tryExchange()).status, names]).toEqual([200, ['idp.example.com']])
  })

  it.each(['127.0.0.1', '::1', '10.0.0.1', '192.168.1.1', '172.16.0.1', '169.254.1.1', 'fd00::1', '::ffff:10.0.0.1'])(
    'refuses a name that resolves to %s where the network is public, before any connection',
    async (address) => {
      const { lookup, names } = lookupOf(address)
      await startHostWith({ lookup, network: 'public' }, { hostname: 'idp.example.com' })
      await expectFailure('address_not_allowed')
      expect([names, server.seen.connections]).toEqual([['idp.example.com'], 0])
    },
  )

  it.each([
    '169.254.169.254',
    '::ffff:169.254.169.254',
    '::ffff:a9fe:a9fe',
    'fd00:ec2::254',
    '64:ff9b::a9fe:a9fe',
    '100.100.100.200',
  ])('refuses the metadata address %s whatever the network is', async (address) => {
    await startHostWith({ lookup: lookupOf(address).lookup }, { hostname: 'idp.example.com' })
    await expectFailure('address_not_allowed')
  })

  it('looks up once for each connection: what was checked is what is connected to', async () => {
    const answers = ['127.0.0.1', '169.254.169.254']
    const lookup: LookupFunction = (_, options, callback) => {
      const address = answers.shift() ?? '169.254.169.254'
      if (options.all) callback(null, [{ address, family: 4 }])
      else callback(null, address, 4)
    }
    await startHostWith({ lookup }, { hostname: 'idp.example.com' })
    expect((await host.tryExchange()).status).toBe(200)
    expect(answers).toHaveLength(1)
    await expect(host.exchange.refreshKeys(host.idp.name)).rejects.toMatchObject({ reason: 'jwks_unavailable' })
    expect([host.stats().lastFailure?.reason, server.seen.connections]).toEqual(['address_not_allowed', 1])
  })

  it('leaves out the addresses that are not allowed and uses the others', async () => {
    await startHostWith({ lookup: lookupOf('169.254.169.254', '127.0.0.1').lookup }, { hostname: 'idp.example.com' })
    expect((await host.tryExchange()).status).toBe(200)
  })

  it('tells a name that cannot be resolved from an address that is not allowed', async () => {
    const lookup: LookupFunction = (_name, _options, callback) =>
      callback(Object.assign(new Error('no such name'), { code: 'ENOTFOUND' }), '', 0)
    await startHostWith({ lookup, network: 'public' }, { hostname: 'idp.example.com' })
    await expectFailure('connection_failed', 'ENOTFOUND')
  })

  it.each<[string, (...args: Parameters<LookupFunction>) => unknown]>([
    [
      'throws',
      () => {
        throw new Error('s3cret')
      },
    ],
    ['rejects, as an async function does', () => Promise.reject(new Error('s3cret'))],
    [
      'answers nothing',
      (_name, _options, callback) => void setImmediate(callback as (...answer: unknown[]) => void, null, undefined),
    ],
    [
      'answers nothing in a list',
      (_name, _options, callback) => void setImmediate(callback as (...answer: unknown[]) => void, null, [null, {}, 7]),
    ],
  ])('is an outage where a lookup %s', async (_, lookup) => {
    await startHostWith({ lookup }, { hostname: 'idp.example.com' })
    expect((await host.tryExchange()).status).toBe(503)
    expect([server.seen.connections, JSON.stringify(host.events).includes('s3cret')]).toEqual([0, false])
  })

  it('cuts a lookup off that never answers', async () => {
    await startHostWith({ lookup: () => {} }, { hostname: 'idp.example.com' })
    await expectFailure('connection_timeout')
  })
})

describe('an agent', () => {
  it('makes the connections, and may keep them', async () => {
    const agent = new Agent({ keepAlive: true })
    await startHostWith({ agent })
    await host.exchange.refreshKeys(host.idp.name)
    await host.exchange.refreshKeys(host.idp.name)
    expect((await host.tryExchange()).status).toBe(200)
    expect([server.seen.requests, server.seen.connections]).toEqual([2, 1])
    server.answerWith((_, response) => response.writeHead(500).end())
    agent.destroy()
  })
})

describe('an agent that could resume TLS sessions', () => {
  it('resumes none, because a resumed session has no certificate to check', async () => {
    const agent = new Agent()
    await startHostWith({ agent })
    for (let count = 1; count <= 3; count += 1) await host.exchange.refreshKeys(host.idp.name)
    expect([host.stats().state, server.seen.connections]).toEqual(['ok', 3])
    expect(server.seen.resumed).toBe(0)
    agent.destroy()
  })
})

describe('an agent that does not do what it should', () => {
  it.each<[string, () => object]>([
    ['hands over a connection without TLS', () => Object.assign(new Agent(), { createConnection: connect })],
    ['takes a certificate of any name', () => new Agent({ checkServerIdentity: () => undefined })],
    ['asks for another name', () => new Agent({ servername: 'other.example.com' })],
  ])('is refused before anything is sent when it %s', async (_, createAgent) => {
    await startHostWith(
      { agent: createAgent(), headers: { authorization: 'Bearer s3cret' } },
      { certificate: AUTHORITY.issue({ names: ['other.example.com'] }) },
    )
    await expectFailure('certificate_not_trusted')
  })

  it('is a failed connection when it speaks another protocol', async () => {
    await startHostWith({ agent: new HttpAgent() })
    await expectFailure('connection_failed', 'ERR_INVALID_PROTOCOL')
  })
})

describe('a proxy', () => {
  async function startHostBehindProxy(userInfo = ''): Promise<ForwardProxy> {
    proxy = await startForwardProxy()
    await startHostWith({ proxy: `http://${userInfo}${proxy.host}` })
    return proxy
  }

  it('opens a tunnel in which TLS ends at the endpoint, with its credentials and ours apart', async () => {
    const { asked } = await startHostBehindProxy('us%40er:pass%20word@')
    expect((await host.tryExchange()).status).toBe(200)
    const authorization = `Basic ${Buffer.from('us@er:pass word').toString('base64')}`
    expect(asked).toEqual([{ target: `127.0.0.1:${server.port}`, authorization }])
    expect(JSON.stringify([host.events, host.stats()])).not.toMatch(/pass|us%40er/)
  })

  it('is not used because the environment names one', async () => {
    proxy = await startForwardProxy()
    await startHostWith()
    const env = { HTTPS_PROXY: `http://${proxy.host}`, https_proxy: `http://${proxy.host}`, NODE_USE_ENV_PROXY: '1' }
    const { state } = await readyInProcess({ ca: AUTHORITY.certificate }, env)
    expect([state, proxy.asked]).toEqual(['ok', []])
  })

  it('that refuses is told with its status', async () => {
    const { answerWith } = await startHostBehindProxy()
    answerWith('refuse')
    await expectFailure('proxy_refused', '407')
  })

  it('that never answers is cut off at the connection timeout, and no connection is left', async () => {
    const { answerWith, openConnections } = await startHostBehindProxy()
    answerWith('hang')
    await expectFailure('connection_timeout')
    host.exchange.close()
    for (let turn = 0; turn < 50 && openConnections() > 0; turn += 1) await pause(10)
    expect(openConnections()).toBe(0)
  })

  it('that speaks before the tunnel is refused', async () => {
    const { answerWith } = await startHostBehindProxy()
    answerWith('babble')
    expect((await host.tryExchange()).status).toBe(503)
    expect(server.seen.requests).toBe(0)
  })

  it('cannot stand in for the endpoint: the certificate is checked through the tunnel', async () => {
    proxy = await startForwardProxy()
    const ca = createCertificateAuthority('Another').certificate
    await startHostWith({ proxy: `http://${proxy.host}`, ca })
    await expectFailure('certificate_not_trusted')
  })

  it('that is not there is a failed connection', async () => {
    proxy = await startForwardProxy()
    const { host: address } = proxy
    await proxy.close()
    proxy = undefined
    await startHostWith({ proxy: `http://${address}` })
    await expectFailure('connection_failed', 'ECONNREFUSED')
  })
})

describe('identity providers side by side', () => {
  it('do not feel each other: 30 requests are stuck on a dead one, and the other answers at once', async () => {
    await startHostWith()
    const dead = await startTlsServer(() => {})
    const [deadName, goodName] = ['https://dead.example.com', 'https://good.example.com']
    const ca = AUTHORITY.certificate
    const both = await startExchangeHost({
      exchange: {
        subject: 'namespaced',
        jwksEndpoint: { connectionTimeout: 10_000, readTimeout: 10_000 },
        identityProviders: [
          { name: deadName, allowedSubjects: 'any', jwksUri: dead.url, ca },
          { name: goodName, allowedSubjects: 'any', jwksUri: server.url, ca },
        ],
      },
    })
    const exchange = async (iss: string) => both.exchangeAssertion(await host.idp.issueAssertion({ iss }))
    try {
      const stuck = Array.from({ length: 30 }, () => exchange(deadName))
      const statsOf = (index: number) => both.exchange.stats().identityProviders[index]
      while (statsOf(0)?.waiting !== 30) await pause(5)
      for (let count = 0; count < 5; count += 1) expect((await exchange(goodName)).status).toBe(200)
      const [deadStats, goodStats] = [statsOf(0), statsOf(1)]
      expect([deadStats?.waiting, goodStats?.waiting, goodStats?.fetches]).toEqual([30, 0, 1])
      await dead.close()
      expect(new Set((await Promise.all(stuck)).map(({ status }) => status))).toEqual(new Set([503]))
      expect(dead.seen.requests).toBe(1)
    } finally {
      await both.close()
      await dead.close()
    }
  })
})
