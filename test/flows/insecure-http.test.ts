import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo, LookupFunction } from 'node:net'
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { generateSigningKey, type IdentityProviderOptions } from '../../src/index.js'
import { type ClockedHost, startClockedHost } from '../support/clocked-host.js'
import { AUDIENCE, CLIENT, ISSUER } from '../support/exchange-host.js'

/** An identity provider in the next container: a name of a development network, http, and all on one port. */
let container: Server
let port: number
let host: ClockedHost
let answer: RequestListener
let asked: string[]

beforeEach(async () => {
  asked = []
  answer = (_, res) => res.end(JSON.stringify({ keys: [host.idp.signingKey.publicJwk] }))
  container = createServer((req, res) => {
    asked.push(`${req.headers.host?.replace(/:.*/, '')}${req.url}`)
    answer(req, res)
  }).listen(0, '127.0.0.1')
  await new Promise((resolve) => container.once('listening', resolve))
  port = (container.address() as AddressInfo).port
})
afterEach(async () => {
  await host.close()
  container.closeAllConnections()
  await new Promise((resolve) => container.close(resolve))
})

/** The name server of the development network: every name is this machine. */
const lookup: LookupFunction = (_hostname, _options, callback) => callback(null, [{ address: '127.0.0.1', family: 4 }])

const NAME = 'https://idp.example.com'

const accessToken = { audience: AUDIENCE, signingKeys: [generateSigningKey()] }

async function start(identityProvider: Partial<IdentityProviderOptions>, name = NAME): Promise<void> {
  host = await startClockedHost({
    idp: { name },
    identityProvider: { lookup, ...identityProvider },
    exchange: { accessToken },
  })
}

const urlOf = (path: string) => `http://keycloak:${port}${path}`
const warnings = () => host.events.filter((event) => event.name === 'jwks.insecure_http')
const exchangeOne = async () => (await host.judge(await host.assertion())).status
const lastFailure = () => host.exchange.stats().identityProviders[0]?.lastFailure?.reason

describe('keys that come by http from another machine', () => {
  it('are used where the options allow it, and a warning says so at the start', async () => {
    await start({ jwksUri: urlOf('/keys'), allowInsecureHttp: true })
    expect(await exchangeOne()).toBe(200)
    expect(asked).toEqual(['keycloak/keys'])
    expect(warnings()).toEqual([
      { name: 'jwks.insecure_http', identityProvider: NAME, alias: `${ISSUER}/token`, endpoint: urlOf('/keys') },
    ])
  })

  it('are warned of again at each change of the options, and no longer where these forbid it', async () => {
    await start({ jwksUri: urlOf('/keys'), allowInsecureHttp: true })
    const identityProvider = {
      name: NAME,
      allowedSubjects: 'any' as const,
      jwksUri: urlOf('/keys'),
      lookup,
      allowInsecureHttp: true,
    }
    const options = { issuer: ISSUER, clients: [CLIENT], clock: host.clock, accessToken }
    host.exchange.reconfigure({ ...options, identityProviders: [identityProvider] })
    await exchangeOne()
    expect(warnings()).toHaveLength(2)
    const secure = { ...identityProvider, jwksUri: 'https://keycloak/keys', allowInsecureHttp: false }
    host.exchange.reconfigure({ ...options, identityProviders: [secure] })
    await exchangeOne()
    expect(warnings()).toHaveLength(2)
  })

  it('are found by metadata that come by http, too, with discovery: true and an http name', async () => {
    const name = urlOf('/realms/r')
    await start({ discovery: true, allowInsecureHttp: true }, name)
    answer = (req, res) => {
      const isMetadata = req.url?.includes('.well-known')
      const document = isMetadata
        ? { issuer: name, jwks_uri: `http://other-container:${port}/keys` }
        : { keys: [host.idp.signingKey.publicJwk] }
      res.end(JSON.stringify(document))
    }
    expect(await exchangeOne()).toBe(200)
    expect(asked).toEqual(['keycloak/realms/r/.well-known/openid-configuration', 'other-container/keys'])
    expect(warnings()).toHaveLength(1)
  })

  it('are not followed to where metadata on loopback lead, unless that is allowed', async () => {
    const discovery = `http://localhost:${port}/metadata`
    const metadata = () => JSON.stringify({ issuer: NAME, jwks_uri: urlOf('/keys') })
    await start({ discovery })
    answer = (_, res) => res.end(metadata())
    expect([await exchangeOne(), lastFailure(), asked.length]).toEqual([503, 'not_metadata', 1])
    expect(warnings()).toEqual([])
    await host.close()
    await start({ discovery, allowInsecureHttp: true })
    answer = (req, res) =>
      res.end(req.url === '/metadata' ? metadata() : JSON.stringify({ keys: [host.idp.signingKey.publicJwk] }))
    expect([await exchangeOne(), warnings().length]).toEqual([200, 1])
  })

  it('are not fetched any more where metadata on loopback led, once other options forbid it', async () => {
    const discovery = `http://localhost:${port}/metadata`
    await start({ discovery, allowInsecureHttp: true })
    answer = (req, res) => {
      const keySet = { keys: [host.idp.signingKey.publicJwk] }
      res.end(JSON.stringify(req.url === '/metadata' ? { issuer: NAME, jwks_uri: urlOf('/keys') } : keySet))
    }
    expect(await exchangeOne()).toBe(200)
    const identityProvider = { name: NAME, allowedSubjects: 'any' as const, discovery, lookup }
    const options = { issuer: ISSUER, clients: [CLIENT], clock: host.clock, accessToken }
    host.exchange.reconfigure({ ...options, identityProviders: [identityProvider] })
    asked = []
    await host.exchange.refreshKeys(NAME).catch(() => {})
    await host.exchange.refreshKeys(NAME).catch(() => {})
    host.clock.advance(3600)
    await exchangeOne()
    expect(asked.filter((each) => each.startsWith('keycloak'))).toEqual([])
    expect(lastFailure()).toBe('not_metadata')
  })

  it.each([
    ['with user info', (keys: string) => keys.replace('http://', 'http://user:pass@')],
    ['that is no http', () => 'file:///etc/passwd'],
    ['of a metadata service', () => 'http://169.254.169.254/latest'],
  ])('are not followed to a jwks_uri %s', async (_, jwksUriOf) => {
    await start({ discovery: urlOf('/metadata'), allowInsecureHttp: true })
    answer = (_req, res) => res.end(JSON.stringify({ issuer: NAME, jwks_uri: jwksUriOf(urlOf('/keys')) }))
    expect(await exchangeOne()).toBe(503)
    expect(asked).toEqual(['keycloak/metadata'])
  })

  it('are not followed by a redirect', async () => {
    await start({ jwksUri: urlOf('/keys'), allowInsecureHttp: true })
    answer = (_, res) => res.writeHead(302, { location: urlOf('/elsewhere') }).end()
    expect([await exchangeOne(), lastFailure(), asked]).toEqual([503, 'redirected', ['keycloak/keys']])
  })

  it('are not fetched from a private address where the network is public', async () => {
    await start({ jwksUri: urlOf('/keys'), allowInsecureHttp: true, network: 'public' })
    expect([await exchangeOne(), lastFailure(), asked]).toEqual([503, 'address_not_allowed', []])
  })

  it('are warned of where nothing is fetched by http: never', async () => {
    await start({ allowInsecureHttp: true })
    expect(await exchangeOne()).toBe(200)
    expect(warnings()).toEqual([])
  })
})
