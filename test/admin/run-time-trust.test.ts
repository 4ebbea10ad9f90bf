import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import request from 'supertest'
import { FakeIdentityProvider } from '../../src/testing/index.js'
import { type AdminHost, ENTRY, startAdminHost } from '../support/admin-host.js'
import { GRANT_TYPE } from '../support/exchange-host.js'

let idp: FakeIdentityProvider
let host: AdminHost

beforeEach(async () => {
  idp = await FakeIdentityProvider.start({ algorithm: 'ES256' })
  host = await startAdminHost({ admin: { allowPrivateNetworks: true } })
  host.app.use('/oauth2', host.exchange.router)
})
afterEach(async () => {
  await host.close()
  await idp.close()
})

const entry = () => ({ ...ENTRY, name: idp.name, jwksUri: idp.jwksUri, network: 'any' })

async function exchangeAssertion(): Promise<number> {
  const { status } = await request(host.url)
    .post('/oauth2/token')
    .auth('app', 'a secret of the tests')
    .type('form')
    .send({ grant_type: GRANT_TYPE, assertion: await idp.issueAssertion({ sub: 'service-1' }) })
  return status
}

/** A change takes effect within a second. */
async function expectWithinASecond(status: number): Promise<void> {
  const until = Date.now() + 1000
  let found = await exchangeAssertion()
  while (found !== status && Date.now() < until) found = await exchangeAssertion()
  expect(found).toBe(status)
}

describe('an identity provider that is registered by the admin API', () => {
  it('is trusted from then on, and not after it was switched off, and again after it was switched on', async () => {
    expect(await exchangeAssertion()).toBe(400)
    expect((await host.ask('POST', '/identity-providers', entry())).status).toBe(201)
    await expectWithinASecond(200)
    const { body } = await host.ask('GET', '/identity-providers/acme')
    expect(body).toMatchObject({ enabled: true, keys: { state: 'ok', kids: [idp.signingKey.publicJwk.kid] } })
    const off = await host.ask('POST', '/identity-providers/acme/disable')
    expect(off).toMatchObject({ status: 200, body: { enabled: false } })
    expect(await exchangeAssertion()).toBe(400)
    expect(await host.store.get('acme')).toMatchObject({ enabled: false })
    expect((await host.ask('GET', '/identity-providers?enabled=false')).body.identityProviders).toHaveLength(1)
    const on = await host.ask('POST', '/identity-providers/acme/enable')
    expect(on).toMatchObject({ status: 200, body: { enabled: true }, headers: { etag: `"${on.body.revision}"` } })
    await expectWithinASecond(200)
    await host.ask('DELETE', '/identity-providers/acme', undefined, { 'if-match': '*' })
    await expectWithinASecond(400)
  })

  it('leaves a trace of each decision and each change, with who made it', async () => {
    await host.ask('POST', '/identity-providers', entry())
    await expectWithinASecond(200)
    await host.ask('POST', '/identity-providers/acme/disable')
    await exchangeAssertion()
    const { events } = (await host.ask('GET', '/events')).body
    const saved = events.filter(({ name }: { name: string }) => name === 'identity_provider.saved')
    expect(saved.map(({ data }: { data: { action: string; by: string } }) => [data.action, data.by])).toEqual([
      ['created', 'alice'],
      ['disabled', 'alice'],
    ])
    const names = events.map(({ name }: { name: string }) => name)
    expect(names).toEqual(expect.arrayContaining(['token.issued', 'identity_provider.disabled', 'token.rejected']))
    expect(events.at(-1)).toMatchObject({ data: { reason: 'identity_provider_disabled', identityProvider: 'acme' } })
  })

  it('is fetched again at once on demand', async () => {
    await host.ask('POST', '/identity-providers', entry())
    await expectWithinASecond(200)
    await idp.rotate()
    const { status, body } = await host.ask('POST', '/identity-providers/acme/refresh-keys')
    expect([status, body.keys.kids]).toEqual([200, expect.arrayContaining([idp.signingKey.publicJwk.kid])])
  })
})
