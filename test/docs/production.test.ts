import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals'
import { createJwtExchange, generateSigningKey, type JwtExchange } from '../../src/index.js'
import { codeBlocks } from '../support/document-code.js'
import { AUDIENCE, CLIENT, type ExchangeHost, GRANT_TYPE, ISSUER, startExchangeHost } from '../support/exchange-host.js'

const PAGE = 'docs/production.md'
const [START = ''] = codeBlocks(PAGE, 'js', 'Start')
const [SHUT_DOWN = ''] = codeBlocks(PAGE, 'js', 'Shut down')
const [TRUST_PROXY = ''] = codeBlocks(PAGE, 'js', 'Behind a proxy')

/**
 * A server that is shut down while it holds the request of a client, which then needs a key that was never fetched. It prints
 * what happens, in its order.
 */
const SERVER = `
import { createServer } from 'node:http'
import express from 'express'
import { createJwtExchange } from 'express-jwt-exchange'
import { FakeIdentityProvider } from 'express-jwt-exchange/testing'

const idp = await FakeIdentityProvider.start({ algorithm: 'ES256' })
const exchange = createJwtExchange({
  issuer: '${ISSUER}',
  identityProviders: [{ name: idp.name, jwksUri: idp.jwksUri, allowedSubjects: 'any' }],
  clients: [{ clientId: 'app', clientSecret: '${CLIENT.clientSecret}', scopes: ['orders:read'] }],
  accessToken: { audience: '${AUDIENCE}' },
})
const app = express()
app.use((req, res, next) => {
  console.log('held')
  process.once('SIGTERM', () => next())
})
app.use('/oauth2', exchange.router)
const server = createServer(app)
const pool = { end: async () => { console.log('pool ended'); await idp.close() } }
${START.replace('3000', "0, '127.0.0.1'")}
${SHUT_DOWN}
exchange.events.on('token.issued', () => console.log('token issued'))
await idp.rotate()
const assertion = await idp.issueAssertion()
console.log(server.address().port, assertion)
`

let directory: string
const children: ChildProcess[] = []
beforeAll(() => {
  mkdirSync('example-app/dist', { recursive: true })
  // Inside the package, so that its name resolves to itself.
  directory = mkdtempSync('example-app/dist/production-')
})
afterAll(() => {
  for (const child of children) child.kill('SIGKILL')
  rmSync(directory, { recursive: true })
})

describe('the shutdown of the page', () => {
  it('answers the requests that are running before it closes the exchange and the stores, and ends the process', async () => {
    const file = join(directory, 'server.mjs')
    writeFileSync(file, SERVER)
    const child = spawn(process.execPath, [file], { env: { ...process.env, NODE_OPTIONS: '' }, stdio: 'pipe' })
    children.push(child)
    const lines = createInterface(child.stdout)[Symbol.asyncIterator]()
    const line = async () => (await lines.next()).value
    const [port, assertion = ''] = (await line()).split(' ')
    const form = { client_id: CLIENT.clientId, client_secret: CLIENT.clientSecret, grant_type: GRANT_TYPE, assertion }
    const url = `http://127.0.0.1:${port}/oauth2/token`
    const answer = fetch(url, { method: 'POST', body: new URLSearchParams(form) })
    expect(await line()).toBe('held')
    child.kill('SIGTERM')
    expect((await answer).status).toBe(200)
    expect([await line(), await line(), await line()]).toEqual(['token issued', 'pool ended', undefined])
    expect(child.exitCode ?? (await once(child, 'exit'))[0]).toBe(0)
  })
})

describe('the three steps that replace a signing key', () => {
  it('refuse no token, while old and new processes run at the same time', async () => {
    const [old, next] = [generateSigningKey(), generateSigningKey()]
    const { d: _, ...publicPart } = old
    const steps = [[old], [old, next], [next, old], [next, publicPart], [next]]
    const host = await startExchangeHost({ exchange: { accessToken: { audience: AUDIENCE, signingKeys: [old] } } })
    const verifiers = steps.map((signingKeys) => verifierWith(signingKeys))
    try {
      for (const [step, signingKeys] of steps.entries()) {
        host.exchange.reconfigure(optionsOf(host, signingKeys))
        const token = await host.accessToken()
        // The old key is removed only when its tokens have expired.
        const others = verifiers.slice(Math.max(step - 1, 0), step + 2)
        for (const verifier of others) expect(await verifier.verifyAccessToken(token)).toMatchObject({ sub: 'alice' })
      }
    } finally {
      for (const verifier of verifiers) verifier.close()
      await host.close()
    }
  })
})

function optionsOf({ idp }: Pick<ExchangeHost, 'idp'>, signingKeys: object[]) {
  return {
    issuer: ISSUER,
    identityProviders: [{ name: idp.name, jwksUri: idp.jwksUri, allowedSubjects: 'any' as const }],
    clients: [CLIENT],
    accessToken: { audience: AUDIENCE, signingKeys },
  }
}

function verifierWith(signingKeys: object[]): JwtExchange {
  const name = 'https://idp.example.com'
  return createJwtExchange({
    issuer: ISSUER,
    identityProviders: [{ name, jwksUri: `${name}/keys`, allowedSubjects: 'any' }],
    clients: [CLIENT],
    accessToken: { audience: AUDIENCE, signingKeys },
  })
}

describe('`trust proxy`', () => {
  let host: ExchangeHost
  afterEach(() => host.close())

  it.each([
    ['as on the page, is the address that the proxy has added', TRUST_PROXY, '198.51.100.4'],
    ['true is the address that the caller has made up, as the page warns', "app.set('trust proxy', true)", '192.0.2.7'],
  ])('%s', async (_, code, address) => {
    const value = JSON.parse(/'trust proxy', (\w+)\)/.exec(code)?.[1] ?? '')
    host = await startExchangeHost({ before: (app) => app.set('trust proxy', value) })
    await host.post({}).set('x-forwarded-for', '192.0.2.7, 198.51.100.4')
    expect(host.events.at(-1)?.remoteAddress).toBe(address)
  })
})
