import { once } from 'node:events'
import { Agent, createServer as createHttpServer } from 'node:http'
import { createServer as createHttpsServer } from 'node:https'
import { type AddressInfo, connect, createServer as createTcpServer, type LookupFunction, type Server } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import type { IdentityProviderOptions } from '../../../src/index.js'
import { holdConnects } from '../../../src/testing/held-connects.js'
import { startForwardProxy } from '../../support/forward-proxy.js'
import { findFreePort } from '../../support/free-port.js'
import { AUTHORITY, SERVER_CERTIFICATE, startTlsHost, type TlsHost } from '../../support/tls-host.js'

/** A name with two addresses on one port: IPv4, where connections hang, and IPv6, where the endpoint answers. */
const DEAD = { address: '127.0.0.1', family: 4 }
const ALIVE = { address: '::1', family: 6 }
const NAME = 'https://idp.example.com'
/** By Node's own rule it takes 250 ms until the second address is tried, whatever this is. */
const TIMES = { connectionTimeout: 4000, readTimeout: 4000 }

let host: TlsHost
let closings: (() => Promise<unknown>)[]
beforeEach(() => {
  closings = []
})
afterEach(async () => {
  await host.close()
  for (const close of closings) await close()
})

const lookup: LookupFunction = (_name, options, callback) => {
  if (options.all) callback(null, [DEAD, ALIVE])
  else callback(null, DEAD.address, 4)
}

/** A server on `::1` whose port on `127.0.0.1` is dead. */
async function startServer(server: Server): Promise<number> {
  server.listen(0, '::1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const release = await holdConnects(port)
  server.on('connection', (socket) => closings.push(async () => socket.destroy()))
  closings.push(release, async () => server.close())
  return port
}

async function start(identityProvider: Partial<IdentityProviderOptions>): Promise<void> {
  host = await startTlsHost({
    jwksEndpoint: TIMES,
    idp: { name: NAME },
    identityProvider: { lookup, ...identityProvider },
  })
}

const keySet = () => JSON.stringify({ keys: [host.idp.signingKey.publicJwk] })

describe('an endpoint of which one address family is dead', () => {
  it('is reached by the other one, with TLS and its name', async () => {
    const port = await startServer(createHttpsServer(SERVER_CERTIFICATE, (_, res) => void res.end(keySet())))
    await start({ jwksUri: `https://idp.example.com:${port}/keys` })
    expect((await host.tryExchange()).status).toBe(200)
  })

  it('is reached though it is slow, and not given up for an address that is refused', async () => {
    const port = await findFreePort()
    const slow: LookupFunction = (_name, _options, callback) =>
      callback(null, [DEAD, { address: '127.0.0.9', family: 4 }])
    const jwksUri = `https://idp.example.com:${port}/jwks`
    host = await startTlsHost({ jwksEndpoint: TIMES, idp: { port }, identityProvider: { jwksUri, lookup: slow } })
    await host.idp.fault('slow-connect')
    const trying = host.tryExchange()
    await pause(500)
    await host.idp.fault('off')
    expect((await trying).status).toBe(200)
  })

  it('is not trusted there under a certificate of another name', async () => {
    const certificate = AUTHORITY.issue({ names: ['other.example.com'] })
    const port = await startServer(createHttpsServer(certificate, (_, res) => void res.end(keySet())))
    await start({ jwksUri: `https://idp.example.com:${port}/keys` })
    expect((await host.tryExchange()).status).toBe(503)
    expect(host.stats().lastFailure).toMatchObject({ reason: 'certificate_not_trusted' })
  })

  it('is reached for its metadata as for its keys', async () => {
    const server = createHttpServer((req, res) => {
      const metadata = JSON.stringify({ issuer: NAME, jwks_uri: `http://localhost:${port}/keys` })
      res.end(req.url === '/metadata' ? metadata : keySet())
    })
    const port = await startServer(server)
    await start({ discovery: `http://localhost:${port}/metadata` })
    expect((await host.tryExchange()).status).toBe(200)
  })

  it('is reached through a proxy of which one address family is dead', async () => {
    const proxy = await startForwardProxy()
    closings.push(proxy.close)
    const relay = createTcpServer((client) => {
      const target = connect(Number(proxy.host.split(':')[1]), '127.0.0.1').on('error', () => {})
      client
        .on('error', () => {})
        .pipe(target)
        .pipe(client)
    })
    const port = await startServer(relay)
    await start({ proxy: `http://proxy.example.com:${port}` })
    expect((await host.tryExchange()).status).toBe(200)
    expect(proxy.asked.map(({ target }) => target)).toEqual([new URL(host.idp.jwksUri).host])
  })

  it('is reached by an agent in half of the connection timeout, where the agent does not say otherwise', async () => {
    const port = await startServer(createHttpServer((_, res) => void res.end(keySet())))
    const timeouts: unknown[] = []
    class SpyingAgent extends Agent {
      override createConnection(...[options, callback]: Parameters<Agent['createConnection']>) {
        timeouts.push(Reflect.get(options, 'autoSelectFamilyAttemptTimeout'))
        return super.createConnection(options, callback)
      }
    }
    await start({ jwksUri: `http://localhost:${port}/keys`, agent: new SpyingAgent() })
    expect((await host.tryExchange()).status).toBe(200)
    expect(timeouts).toEqual([TIMES.connectionTimeout / 2])
    await host.close()
    await start({
      jwksUri: `http://localhost:${port}/keys`,
      agent: new SpyingAgent({ autoSelectFamilyAttemptTimeout: 50 } as object),
    })
    expect((await host.tryExchange()).status).toBe(200)
    expect(timeouts).toEqual([TIMES.connectionTimeout / 2, 50])
  })

  it('is refused where the other family is not allowed', async () => {
    const port = await startServer(createHttpServer((_, res) => void res.end(keySet())))
    const metadataService: LookupFunction = (_name, _options, callback) =>
      callback(null, [{ address: '169.254.169.254', family: 4 }, ALIVE])
    await start({ jwksUri: `http://localhost:${port}/keys`, lookup: metadataService })
    expect((await host.tryExchange()).status).toBe(200)
    await host.close()
    await start({
      jwksUri: `http://localhost:${port}/keys`,
      lookup: (_name, _options, callback) => callback(null, [{ address: 'fd00:ec2::254', family: 6 }]),
    })
    expect((await host.tryExchange()).status).toBe(503)
    expect(host.stats().lastFailure).toMatchObject({ reason: 'address_not_allowed' })
  })
})
