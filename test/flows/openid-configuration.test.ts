import { readFileSync } from 'node:fs'
import { afterEach, describe, expect, it } from '@jest/globals'
import { createLocalJWKSet, jwtVerify } from 'jose'
import request from 'supertest'
import { loadConfig } from '../../src/config/index.js'
import { createJwtExchange, generateSigningKey, type JwtExchangeOptions } from '../../src/index.js'
import { createDeploymentFile, deploymentOf } from '../support/deployment-file.js'
import { AUDIENCE, CLIENT, type ExchangeHost, ISSUER, startExchangeHost } from '../support/exchange-host.js'

const PATH = '/oauth2/.well-known/openid-configuration'

let host: ExchangeHost
afterEach(() => host.close())

const start = async (exchange: Partial<JwtExchangeOptions> = {}) => {
  host = await startExchangeHost({ idp: { algorithm: 'ES256' }, exchange: { openidConfiguration: true, ...exchange } })
}

describe('the OpenID configuration', () => {
  it('is not served unless it is switched on', async () => {
    host = await startExchangeHost({ idp: { algorithm: 'ES256' } })
    expect((await request(host.url).get(PATH)).status).toBe(404)
  })

  it('has what a verifier of access tokens needs, and names no endpoint that is not there', async () => {
    const signingKeys = [generateSigningKey('RS256'), generateSigningKey('ES256')]
    await start({ accessToken: { audience: AUDIENCE, signingKeys } })
    const { status, headers, body } = await request(host.url).get(PATH)
    expect([status, headers['content-type']]).toEqual([200, 'application/json'])
    expect(headers['cache-control']).toBe('public, max-age=300')
    expect(body).toEqual({
      issuer: ISSUER,
      token_endpoint: `${ISSUER}/token`,
      jwks_uri: `${ISSUER}/jwks`,
      response_types_supported: ['none'],
      subject_types_supported: ['public'],
      id_token_signing_alg_values_supported: ['RS256', 'ES256'],
      grant_types_supported: ['urn:ietf:params:oauth:grant-type:jwt-bearer'],
      token_endpoint_auth_methods_supported: ['client_secret_basic', 'client_secret_post'],
      scopes_supported: CLIENT.scopes,
    })
  })

  it('leads a verifier to the keys of the access tokens', async () => {
    await start()
    const { body: configuration } = await request(host.url).get(PATH)
    const { body: keySet } = await request(host.url).get(new URL(configuration.jwks_uri).pathname)
    const expected = { issuer: configuration.issuer, audience: AUDIENCE }
    const { payload, protectedHeader } = await jwtVerify(await host.accessToken(), createLocalJWKSet(keySet), expected)
    expect(payload.sub).toBe('alice')
    expect(configuration.id_token_signing_alg_values_supported).toContain(protectedHeader.alg)
  })

  it.each([
    ['https://api.example.com', '/.well-known/openid-configuration'],
    ['https://api.example.com/', '/.well-known/openid-configuration'],
    ['https://api.example.com/tenant/one/', '/tenant/one/.well-known/openid-configuration'],
  ])('of the issuer %s is at %s only', async (issuer, path) => {
    await start({ issuer })
    expect((await request(host.url).get(`${path}?x=1`)).body.issuer).toBe(issuer)
    for (const other of [PATH, `/.well-known/openid-configuration/tenant/one`, `${path}/`]) {
      expect((await request(host.url).get(other)).status).toBe(404)
    }
  })

  it('can be read only', async () => {
    await start()
    const { status, headers } = await request(host.url).post(PATH)
    expect([status, headers.allow]).toEqual([405, 'GET, HEAD'])
  })

  it('comes and goes when the options change', async () => {
    await start()
    const { idp } = host
    const options = (openidConfiguration: boolean): JwtExchangeOptions => ({
      issuer: ISSUER,
      identityProviders: [{ name: idp.name, jwksUri: idp.jwksUri, allowedSubjects: 'any' }],
      clients: [CLIENT],
      accessToken: { audience: AUDIENCE, signingKeys: [generateSigningKey()] },
      openidConfiguration,
    })
    host.exchange.reconfigure(options(false))
    expect((await request(host.url).get(PATH)).status).toBe(404)
    host.exchange.reconfigure(options(true))
    expect((await request(host.url).get(PATH)).status).toBe(200)
  })

  it('is switched on in a file by openid_configuration, with true and nothing else', async () => {
    await start()
    const file = createDeploymentFile()
    const provider = `[[identity_provider]]
name = "${host.idp.name}"
jwks_uri = "${host.idp.jwksUri}"
allowed_subjects = "any"
`
    try {
      const load = (value: string) => {
        file.write(`openid_configuration = ${value}\n${deploymentOf()}${provider}`)
        return createJwtExchange(loadConfig(file.path))
      }
      for (const value of ['"true"', '1']) {
        expect(() => load(value)).toThrow(expect.objectContaining({ name: 'ConfigError' }))
      }
      load('true').close()
      for (const openidConfiguration of ['true', null]) {
        const options = { ...loadConfig(file.path), openidConfiguration } as unknown as JwtExchangeOptions
        expect(() => createJwtExchange(options)).toThrow(expect.objectContaining({ name: 'ConfigError' }))
      }
    } finally {
      file.remove()
    }
  })
})

describe('docs/operations.md', () => {
  it('names the option and the path', () => {
    const operations = readFileSync('docs/operations.md', 'utf8')
    expect(operations).toContain('`openidConfiguration: true`')
    expect(operations).toContain('`{issuer}/.well-known/openid-configuration`')
  })
})
