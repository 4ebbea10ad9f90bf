import { afterEach, describe, expect, it } from '@jest/globals'
import { decodeJwt } from 'jose'
import { FakeIdentityProvider, generateFakeKey, signAssertion } from '../../src/testing/index.js'
import { CLIENT, type ExchangeHost, startExchangeHost, TOKEN_ENDPOINT } from '../support/exchange-host.js'

let host: ExchangeHost
const others: FakeIdentityProvider[] = []
afterEach(async () => {
  await host.close()
  await Promise.all(others.splice(0).map((idp) => idp.close()))
})

async function startAnother(): Promise<FakeIdentityProvider> {
  const idp = await FakeIdentityProvider.start({ algorithm: 'ES256', alias: TOKEN_ENDPOINT })
  others.push(idp)
  return idp
}

describe('a disabled identity provider', () => {
  it('is refused, though its assertion is good', async () => {
    host = await startExchangeHost({ idp: { algorithm: 'ES256' }, identityProvider: { enabled: false } })
    expect((await host.exchangeAssertion(await host.idp.issueAssertion())).status).toBe(400)
    expect(host.lastReason()).toBe('identity_provider_disabled')
    expect(host.idp.fetches).toBe(0)
  })
})

describe('two identity providers', () => {
  it('that share a key id are verified each with its own key', async () => {
    const [first, second] = [await startAnother(), await startAnother()]
    const [key, otherKey] = [await generateFakeKey('ES256', 'shared'), await generateFakeKey('ES256', 'shared')]
    first.publish([key.publicJwk])
    second.publish([otherKey.publicJwk])
    const identityProviders = [first, second].map(({ name, jwksUri }) => ({
      name,
      allowedSubjects: 'any' as const,
      jwksUri,
    }))
    host = await startExchangeHost({ exchange: { subject: 'namespaced', identityProviders } })
    const now = Math.floor(Date.now() / 1000)
    const assert = (iss: string, signer: typeof key) =>
      signAssertion(signer, { alg: 'ES256', kid: 'shared' }, { iss, sub: 'alice', aud: TOKEN_ENDPOINT, exp: now + 60 })

    expect((await host.exchangeAssertion(await assert(first.name, otherKey))).status).toBe(400)
    expect(host.lastReason()).toBe('bad_signature')
    expect((await host.exchangeAssertion(await assert(first.name, key))).status).toBe(200)
    expect((await host.exchangeAssertion(await assert(second.name, otherKey))).status).toBe(200)
  })

  it('that assert the same sub get different subjects when namespaced', async () => {
    const [first, second] = [await startAnother(), await startAnother()]
    const identityProviders = [first, second].map(({ name, jwksUri }) => ({
      name,
      allowedSubjects: 'any' as const,
      jwksUri,
    }))
    host = await startExchangeHost({ exchange: { subject: 'namespaced', identityProviders } })
    const subjects = []
    for (const idp of [first, second]) {
      const { body } = await host.exchangeAssertion(await idp.issueAssertion())
      subjects.push(decodeJwt(body.access_token).sub)
    }
    expect(subjects).toEqual([`${first.name}|alice`, `${second.name}|alice`])
  })

  it('are open to a client only as far as it is allowed', async () => {
    const [first, second] = [await startAnother(), await startAnother()]
    const identityProviders = [first, second].map(({ name, jwksUri }) => ({
      name,
      allowedSubjects: 'any' as const,
      jwksUri,
    }))
    const clients = [{ ...CLIENT, identityProviders: [first.name] }]
    host = await startExchangeHost({ exchange: { subject: 'raw', identityProviders, clients } })
    expect((await host.exchangeAssertion(await second.issueAssertion())).status).toBe(400)
    expect(host.lastReason()).toBe('client_not_allowed')
    expect((await host.exchangeAssertion(await first.issueAssertion())).status).toBe(200)
  })
})

describe('what an identity provider may say', () => {
  it('is bounded by its own scopes', async () => {
    host = await startExchangeHost({ idp: { algorithm: 'ES256' }, identityProvider: { scopes: ['openid', 'admin'] } })
    const { body } = await host.exchangeAssertion(await host.idp.issueAssertion(), {
      scope: 'openid orders:read admin',
    })
    expect(body.scope).toBe('openid')
    const refused = await host.exchangeAssertion(await host.idp.issueAssertion(), { scope: 'orders:read' })
    expect(refused.body.error).toBe('invalid_scope')
  })

  it('does not use an assertion up when the scope is refused', async () => {
    host = await startExchangeHost({ idp: { algorithm: 'ES256' } })
    const assertion = await host.idp.issueAssertion()
    expect((await host.exchangeAssertion(assertion, { scope: 'nothing-of-this' })).body.error).toBe('invalid_scope')
    expect((await host.exchangeAssertion(assertion)).status).toBe(200)
  })

  it.each([
    ['a scope that the client may never have', 'nothing-of-this'],
    ['a malformed scope', 'openid,"orders"'],
  ])('is not looked at when %s is requested, whatever it is', async (_, scope) => {
    host = await startExchangeHost({ idp: { algorithm: 'ES256' } })
    const good = await host.idp.issueAssertion()
    const forged = `${good.slice(0, -8)}AAAAAAAA`
    const unknownIssuer = await host.idp.issueAssertion({ iss: 'https://unknown.example.com' })
    const unknownKid = await host.idp.issueAssertion({}, { kid: 'unknown' })
    const answers = [good, forged, unknownIssuer, unknownKid, 'no-jwt', good].map((assertion) =>
      host.exchangeAssertion(assertion, { scope }).then(({ status, body }) => ({ status, body })),
    )
    const different = new Set((await Promise.all(answers)).map((answer) => JSON.stringify(answer)))
    expect([different.size, host.lastReason(), host.idp.fetches]).toEqual([1, 'invalid_scope', 0])
    expect((await host.exchangeAssertion(good)).status).toBe(200)
  })

  it('is looked at when some of the requested scopes are the client’s', async () => {
    host = await startExchangeHost({ idp: { algorithm: 'ES256' } })
    const answer = await host.exchangeAssertion('no-jwt', { scope: 'openid nothing-of-this' })
    expect([answer.status, answer.body.error]).toEqual([400, 'invalid_grant'])
  })

  it('is accepted with a further audience and a further type where these are configured', async () => {
    const identityProvider = { audiences: ['https://old.example.com/token'], types: ['authorization-grant+jwt'] }
    host = await startExchangeHost({ idp: { algorithm: 'ES256' }, identityProvider })
    const assertion = await host.idp.issueAssertion(
      { aud: 'https://old.example.com/token' },
      { typ: 'authorization-grant+jwt' },
    )
    expect((await host.exchangeAssertion(assertion)).status).toBe(200)
  })

  it('is accepted any number of times where replay is allowed', async () => {
    host = await startExchangeHost({ idp: { algorithm: 'ES256' }, identityProvider: { replay: 'allow' } })
    const assertion = await host.idp.issueAssertion()
    expect((await host.exchangeAssertion(assertion)).status).toBe(200)
    expect((await host.exchangeAssertion(assertion)).status).toBe(200)
  })

  it('becomes the subject that a function makes of it, and 503 where the function fails', async () => {
    const subject = ({ claims }: { claims: Readonly<Record<string, unknown>> }) => {
      if (claims.email === undefined) throw new Error('no email')
      return String(claims.email)
    }
    host = await startExchangeHost({ idp: { algorithm: 'ES256' }, exchange: { subject } })
    const { body } = await host.exchangeAssertion(await host.idp.issueAssertion({ email: 'alice@example.com' }))
    expect(decodeJwt(body.access_token).sub).toBe('alice@example.com')
    const assertion = await host.idp.issueAssertion()
    expect((await host.exchangeAssertion(assertion)).status).toBe(503)
    expect(host.lastReason()).toBe('subject_mapping_failed')
  })
})

describe('clients that the host looks up', () => {
  it('authenticate like fixed ones, and an outage of the lookup is 503', async () => {
    let isDown = false
    const findClient = async (clientId: string) => {
      if (isDown) throw new Error('the database is away')
      return clientId === CLIENT.clientId ? CLIENT : undefined
    }
    host = await startExchangeHost({ idp: { algorithm: 'ES256' }, exchange: { findClient } })
    expect((await host.exchangeAssertion(await host.idp.issueAssertion())).status).toBe(200)
    isDown = true
    const response = await host.exchangeAssertion(await host.idp.issueAssertion())
    expect(response.status).toBe(503)
    expect(response.headers['retry-after']).toBeDefined()
    expect(host.lastReason()).toBe('client_lookup_failed')
  })
})
