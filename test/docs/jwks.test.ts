import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { loadConfig } from '../../src/config/index.js'
import { readExchangeOptions } from '../../src/exchange/options.js'
import { isAddressAllowed } from '../../src/guarded-fetch/network-guard.js'
import type { IdentityProviderOptions } from '../../src/index.js'
import { AUTHORITY, startTlsHost, startTlsServer } from '../support/tls-host.js'

const JWKS = readFileSync('docs/jwks.md', 'utf8')

function snippet(language: string): string {
  return new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\`$`, 'ms').exec(JWKS)?.[1] ?? ''
}

/** What a file needs besides its identity providers. */
const FRAME = `issuer = "https://api.example.com/oauth2"
subject = "namespaced"
[access_token]
audience = "https://api.example.com"
[[client]]
client_id = "app"
client_secret = "s3cret-of-the-tests"
`

function settingsOf(jwksEndpoint: object) {
  return readExchangeOptions({
    issuer: 'https://api.example.com/oauth2',
    identityProviders: [
      { name: 'https://idp.example.com', allowedSubjects: 'any', jwksUri: 'https://idp.example.com/keys' },
    ],
    clients: [{ clientId: 'app', clientSecret: 's3cret-of-the-tests' }],
    accessToken: { audience: 'https://api.example.com' },
    jwksEndpoint,
  }).jwksEndpoint as unknown as Record<string, unknown>
}

let directory: string
beforeAll(() => {
  // Inside the package, so that its name resolves to itself.
  directory = mkdtempSync('example-app/dist/jwks-')
})
afterAll(() => rmSync(directory, { recursive: true }))

describe('docs/jwks.md', () => {
  const rows = [...JWKS.matchAll(/^\| `(\w+)` \|[^|]*\| (\d+) \| (\d+) \| (\d+) \|/gm)].map(
    ([, option = '', ...numbers]) => [option, ...numbers.map(Number)] as [string, number, number, number],
  )

  it('lists every option of jwksEndpoint', () => {
    expect([...rows.map(([option]) => option), 'enable'].sort()).toEqual(Object.keys(settingsOf({})).sort())
  })

  it.each(rows)('tells default and bounds of %s', (option, otherwise, from, to) => {
    expect(settingsOf({})[option]).toBe(otherwise)
    for (const bound of [from, to]) expect(settingsOf({ [option]: bound })[option]).toBe(bound)
    for (const beyond of [from - 1, to + 1]) expect(() => settingsOf({ [option]: beyond })).toThrow(option)
  })

  it('names the metadata addresses that are refused', () => {
    const [sentence = ''] = /addresses of cloud metadata services \([^)]*\)/s.exec(JWKS) ?? []
    const addresses = sentence.match(/\d+(?:\.\d+){3}|[a-f0-9]{4}:[a-f0-9:]+/g) ?? []
    expect(addresses.length).toBeGreaterThan(7)
    expect(addresses.filter((address) => isAddressAllowed(address, 'any'))).toEqual([])
  })

  it('has an entry for a Kubernetes cluster that sends the token on disk with each fetch', async () => {
    const tokens: unknown[] = []
    const server = await startTlsServer((request, response) => {
      tokens.push(request.headers.authorization)
      response.end(JSON.stringify({ keys: [host.idp.signingKey.publicJwk] }))
    })
    writeFileSync(join(directory, 'ca.crt'), AUTHORITY.certificate)
    const code = snippet('js')
      .replace('/var/run/secrets/kubernetes.io/serviceaccount', join(process.cwd(), directory))
      .replace('https://kubernetes.default.svc/openid/v1/jwks', server.url)
    writeFileSync(join(directory, 'kubernetes.mjs'), code)
    const { kubernetes }: { kubernetes: IdentityProviderOptions } = await import(
      pathToFileURL(join(directory, 'kubernetes.mjs')).href
    )
    const host = await startTlsHost({ identityProvider: kubernetes })
    try {
      for (const token of ['first', 'second']) {
        writeFileSync(join(directory, 'token'), token)
        await host.exchange.refreshKeys(kubernetes.name)
      }
      expect(tokens).toEqual(['Bearer first', 'Bearer second'])
    } finally {
      await host.close()
      await server.close()
    }
  })

  it('has entries that a file can have, with names of headers as they are written', () => {
    writeFileSync(join(directory, 'partner-authority.pem'), AUTHORITY.certificate)
    writeFileSync(join(directory, 'deployment.toml'), `${FRAME}${snippet('toml')}`)
    const env = { HTTPS_PROXY: 'http://proxy.example.com:3128', PARTNER_KEY: 'k3y' }
    const { identityProviders } = loadConfig(join(directory, 'deployment.toml'), { env })
    expect(identityProviders).toMatchObject([
      { network: 'public' },
      { ca: AUTHORITY.certificate, proxy: env.HTTPS_PROXY, headers: { 'X-Api-Key': 'k3y' } },
    ])
  })

  it('has an entry for the keys of a SPIFFE trust domain', () => {
    const [, code = ''] = /^```toml\n([^`]*jwt-svid[^`]*)^```$/m.exec(JWKS) ?? []
    writeFileSync(join(directory, 'deployment.toml'), `${FRAME}${code}x5c_only_keys = true\n`)
    const options = loadConfig(join(directory, 'deployment.toml'))
    expect(options.identityProviders).toMatchObject([{ keyUses: ['jwt-svid'], x5cOnlyKeys: true }])
    expect(readExchangeOptions(options).identityProviders[0]?.keys).toMatchObject({
      reading: { keyUses: ['jwt-svid'], x5cOnlyKeys: true },
    })
  })
})
