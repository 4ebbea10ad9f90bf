import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import express from 'express'
import request from 'supertest'
import { loadConfig } from '../../src/config/index.js'
import { createJwtExchange, generateSigningKey, type JwtExchange } from '../../src/index.js'
import { FakeIdentityProvider } from '../../src/testing/index.js'
import { createDeploymentFile } from '../support/deployment-file.js'
import { codeBlocks } from '../support/document-code.js'

const PAGE = 'docs/resources.md'
const SECRET = 'a secret of the reports'
const GRANT_TYPE = 'urn:ietf:params:oauth:grant-type:jwt-bearer'
const BILLING = 'https://api.example.com/billing'

const file = createDeploymentFile()
let idp: FakeIdentityProvider
let exchange: JwtExchange
beforeAll(async () => {
  idp = await FakeIdentityProvider.start({ alias: 'https://api.example.com/oauth2/token', algorithm: 'ES256' })
  const head = `issuer = "https://api.example.com/oauth2"
[access_token]
audience = "https://api.example.com/orders"
[[identity_provider]]
name = "${idp.name}"
jwks_uri = "${idp.jwksUri}"
allowed_subjects = "any"
`
  file.write(head + codeBlocks(PAGE, 'toml').join('\n'))
  const options = loadConfig(file.path, { env: { REPORTS_SECRET: SECRET } })
  const accessToken = { ...options.accessToken, signingKeys: [generateSigningKey()] }
  exchange = createJwtExchange({ ...options, accessToken })
})
afterAll(async () => {
  file.remove()
  exchange.close()
  await idp.close()
})

function hostOf(path: string) {
  const app = express().use(exchange.wellKnown).use('/oauth2', exchange.router)
  app.get('/orders', exchange.protect({ scope: 'orders:read' }), (_, res) => void res.json({}))
  return request(app).get(path)
}

async function obtain(resource: string) {
  const app = express().use('/oauth2', exchange.router)
  const form = { grant_type: GRANT_TYPE, assertion: await idp.issueAssertion(), resource }
  return request(app).post('/oauth2/token').auth('reports', SECRET).type('form').send(form)
}

describe('docs/resources.md', () => {
  const shown = codeBlocks(PAGE, 'json').map((block) => JSON.parse(block))

  it('has the resources of its code in a file as well', () => {
    const code = codeBlocks(PAGE, 'js').find((each) => each.includes('identifier')) ?? ''
    const resources: unknown = new Function(`${code}\nreturn resources`)()
    expect(loadConfig(file.path, { env: { REPORTS_SECRET: SECRET } }).resources).toEqual(resources)
  })

  it('shows what a token request is answered', async () => {
    const { status, body } = await obtain(BILLING)
    expect([status, body]).toEqual([200, { ...shown[0], access_token: expect.stringMatching(/^eyJ/) }])
    expect((await obtain('https://api.example.com/orders')).body.error).toBe('invalid_target')
  })

  it('shows the metadata of a resource', async () => {
    const { body } = await hostOf('/.well-known/oauth-protected-resource/orders')
    expect(body).toEqual(shown[1])
  })

  it('shows the challenge of a route', async () => {
    const { headers } = await hostOf('/orders')
    const [text = ''] = codeBlocks(PAGE, 'text')
    expect(`WWW-Authenticate: ${headers['www-authenticate']}`).toBe(text.replace(/\n\s+/g, ' ').trim())
  })

  it('says where the metadata of each resource are', async () => {
    const rows = [...readFileSync(PAGE, 'utf8').matchAll(/^\| `(https:\S+)` \| `(https:\S+)` \|$/gm)]
    expect(rows).toHaveLength(2)
    for (const [, identifier = '', url = ''] of rows) {
      const issuer = 'https://api.example.com/oauth2'
      const other = createJwtExchange({
        ...{ issuer, resources: [{ identifier }], accessToken: { signingKeys: [generateSigningKey()] } },
        identityProviders: [{ name: idp.name, jwksUri: idp.jwksUri, allowedSubjects: 'any' }],
        clients: [],
      })
      const app = express().use(other.wellKnown)
      expect((await request(app).get(new URL(url).pathname)).body.resource).toBe(identifier)
      other.close()
    }
  })
})
