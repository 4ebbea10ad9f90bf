import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals'
import type { Grant } from '../../src/index.js'
import { OWN_CLAIMS } from '../../src/policy/claim-mapping.js'
import { type ExchangeHost, startExchangeHost } from '../support/exchange-host.js'

const GRANTS = readFileSync('docs/grants.md', 'utf8')
const [CODE_GRANT = '', , TOKEN_EXCHANGE = ''] = [...GRANTS.matchAll(/^```js\n(.*?)^```$/gms)].map(([, code]) => code)

interface Codes {
  redeem(code: string, clientId: string): Promise<{ userId: string } | undefined>
}

let directory: string
let createCodeGrant: (codes: Codes) => Grant
let tokenExchange: Grant
beforeAll(async () => {
  // Inside the package, so that its name resolves.
  directory = mkdtempSync(resolve('example-app/dist/grants-'))
  const load = async (name: string, code: string) => {
    const path = join(directory, name)
    writeFileSync(path, code)
    return import(pathToFileURL(path).href)
  }
  createCodeGrant = (await load('code-grant.mjs', CODE_GRANT)).createCodeGrant
  tokenExchange = (await load('token-exchange.mjs', TOKEN_EXCHANGE)).tokenExchange
})

let host: ExchangeHost
afterEach(() => host?.close())
afterAll(() => rmSync(directory, { recursive: true }))

/** The members in the first column of the table below a heading. */
function membersUnder(heading: string): string[] {
  const section = GRANTS.split(/^## /m).find((text) => text.startsWith(heading)) ?? ''
  return [...section.matchAll(/^\| `([^`]+)`/gm)].map(([, name = '']) => name)
}

describe('docs/grants.md', () => {
  it('has a grant that redeems codes', async () => {
    const left = new Map([['c1', 'alice']])
    const redeem = async (code: string) => {
      const userId = left.get(code)
      left.delete(code)
      return userId === undefined ? undefined : { userId }
    }
    host = await startExchangeHost({ exchange: { grants: [createCodeGrant({ redeem })] } })
    const send = async (parameters: Record<string, string>) =>
      (await host.post({ grant_type: 'urn:example:grant-type:code', ...parameters })).body
    expect(await send({})).toMatchObject({ error: 'invalid_request' })
    const issued = await send({ code: 'c1' })
    expect(issued).toMatchObject({ scope: 'orders:read', expires_in: 300 })
    expect((await host.exchange.verifyAccessToken(issued.access_token)).sub).toBe('alice')
    expect(await send({ code: 'c1' })).toEqual({ error: 'invalid_grant', error_description: 'The code is not valid' })
  })

  it('has a grant that exchanges an assertion as a subject token', async () => {
    host = await startExchangeHost({ idp: { algorithm: 'ES256' }, exchange: { grants: [tokenExchange] } })
    const send = async (parameters: Record<string, string>) =>
      (await host.post({ grant_type: tokenExchange.grantType, ...parameters })).body
    const subject_token = await host.idp.issueAssertion({ sub: 'alice' })
    const subject_token_type = 'urn:ietf:params:oauth:token-type:jwt'
    expect(await send({ subject_token })).toMatchObject({ error: 'invalid_request' })
    expect(await send({ subject_token, subject_token_type, actor_token: 'a' })).toMatchObject({
      error: 'invalid_request',
    })
    expect(await send({ subject_token, subject_token_type })).toMatchObject({
      issued_token_type: 'urn:ietf:params:oauth:token-type:access_token',
      token_type: 'Bearer',
    })
    expect(await send({ subject_token, subject_token_type })).toMatchObject({ error: 'invalid_grant' })
  })

  it('lists the members of the request and the tools as they are', async () => {
    let seen: string[] = []
    const note: Grant = {
      grantType: 'urn:example:note',
      authorize: (request, client, tools) => {
        const inRequest = Object.getOwnPropertyNames(Object.getPrototypeOf(request))
        seen = [
          ...[...Object.keys(request), ...inRequest].map((name) => `request.${name}`),
          ...Object.keys(client).map((name) => `client.${name}`),
          ...Object.keys(tools).map((name) => `tools.${name}`),
        ]
        return { subject: 'alice', scopes: [] }
      },
    }
    host = await startExchangeHost({ exchange: { grants: [note] } })
    await host.post({ grant_type: 'urn:example:note' })
    const listed = membersUnder('What it gets').map((member) => member.replace(/\(.*\)/, ''))
    const without = ['request.constructor', 'request.repeated', 'client.scopes']
    expect(listed.sort()).toEqual(seen.filter((name) => !without.includes(name)).sort())
  })

  it('lists every member that a grant may return', async () => {
    const all: Record<string, unknown> = {
      subject: 'alice',
      scopes: ['openid'],
      audiences: ['https://api.example.com'],
      claims: { a: 1 },
      lifetime: 60,
      latestExpiry: 4_000_000_000,
      identityProvider: undefined,
      bindings: ['a'],
      response: { b: 2 },
    }
    const grant: Grant = {
      grantType: 'urn:example:all',
      authorize: () => ({ ...all, identityProvider: host.idp.name }) as never,
    }
    host = await startExchangeHost({ exchange: { grants: [grant] } })
    expect((await host.post({ grant_type: 'urn:example:all' })).status).toBe(200)
    expect(membersUnder('What it returns').sort()).toEqual(Object.keys(all).sort())
  })

  it('leads to the list of claims that cannot be set', () => {
    const policy = readFileSync('docs/policy.md', 'utf8')
    const [, anchor = ''] = /policy\.md#([\w-]+)/.exec(GRANTS) ?? []
    const headings = [...policy.matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) =>
      heading.toLowerCase().replaceAll(' ', '-'),
    )
    expect(headings).toContain(anchor)
    expect(OWN_CLAIMS.length).toBeGreaterThan(10)
  })
})
