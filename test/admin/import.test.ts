import { afterEach, describe, expect, it } from '@jest/globals'
import { type AdminHost, type AdminHostOptions, ENTRY, startAdminHost } from '../support/admin-host.js'

const hosts: AdminHost[] = []
afterEach(async () => {
  for (const host of hosts.splice(0)) await host.close()
})

async function start(options: AdminHostOptions = {}): Promise<AdminHost> {
  const host = await startAdminHost(options)
  hosts.push(host)
  return host
}

/** As the REST API of WSO2 Identity Server answers. */
const WSO2 = {
  id: '8ea23303-49c0-4253-b81f-82c0fe6fb4a0',
  name: 'Acme',
  description: 'The provider of Acme',
  isEnabled: true,
  alias: 'https://api.example.com/oauth2/token',
  idpIssuerName: 'https://login.acme.example',
  certificate: { jwksUri: 'https://login.acme.example/keys' },
  roles: { mappings: [{ idpRole: 'admin', localRole: 'admin' }] },
}
/** As Keycloak exports it. */
const KEYCLOAK = {
  alias: 'acme',
  providerId: 'oidc',
  enabled: true,
  config: {
    issuer: 'https://login.acme.example',
    jwksUrl: 'https://login.acme.example/keys',
    clientSecret: 'a-secret',
  },
}
const PATH = '/identity-providers/import'

describe.each([
  ['WSO2 Identity Server', WSO2, 'wso2'],
  ['Keycloak', KEYCLOAK, 'keycloak'],
] as const)('an import from %s', (_, document, format) => {
  it('says what was understood, what is missing, and what was not mapped, and saves nothing', async () => {
    const { ask, store } = await start()
    for (const body of [{ document }, { document, format }]) {
      const answer = await ask('POST', PATH, body)
      expect(answer).toMatchObject({
        status: 200,
        body: {
          registrations: [
            {
              registration: {
                name: 'https://login.acme.example',
                jwksUri: 'https://login.acme.example/keys',
                network: 'public',
              },
              problems: [{ code: 'missing' }],
            },
          ],
          saved: [],
        },
      })
      expect(answer.body.registrations[0].notMapped.length).toBeGreaterThan(0)
      expect(answer.text).not.toContain('a-secret')
    }
    expect(await store.list()).toEqual([])
  })

  it('saves what has no problem, with what is said for all', async () => {
    const { ask, store, exchange } = await start()
    const actions: unknown[] = []
    exchange.events.on('identity_provider.saved', ({ action, by }) => actions.push([action, by]))
    const incomplete = await ask('POST', PATH, { document, save: true })
    expect([incomplete.body.saved, await store.list()]).toEqual([[], []])
    const body = { document, save: true, defaults: { allowedSubjects: ['service-*'] } }
    const complete = await ask('POST', PATH, body)
    expect(complete.body.registrations[0].problems).toEqual([])
    const [id] = complete.body.saved
    expect(await store.get(id)).toMatchObject({ name: 'https://login.acme.example', allowedSubjects: ['service-*'] })
    expect(actions).toEqual([['imported', 'alice']])
    const again = await ask('POST', PATH, body)
    expect([again.body.saved, again.body.registrations[0].problems.length > 0]).toEqual([[], true])
    expect(await store.list()).toHaveLength(1)
  })
})

describe('an import', () => {
  it('of two that cannot both be, saves the first and says what is wrong with the second', async () => {
    const { ask, store } = await start()
    const document = [KEYCLOAK, { ...KEYCLOAK, alias: 'acme-too' }]
    const { body } = await ask('POST', PATH, { document, save: true, defaults: { allowedSubjects: 'any' } })
    expect(body.saved).toHaveLength(1)
    expect(body.registrations.map(({ problems }: { problems: unknown[] }) => problems.length > 0)).toEqual([
      false,
      true,
    ])
    expect(await store.list()).toHaveLength(1)
  })

  it('of an id that is in the options or in the store replaces nothing', async () => {
    const { ask, store } = await start()
    await store.put({ ...ENTRY, id: 'acme', name: 'https://before.example' })
    const document = [KEYCLOAK, { ...KEYCLOAK, alias: 'fixed' }]
    const { body } = await ask('POST', PATH, { document, save: true, defaults: { allowedSubjects: 'any' } })
    expect(body.saved).toEqual([])
    for (const { problems } of body.registrations) expect(problems[0]).toMatchObject({ path: ['id'] })
    expect(await store.get('acme')).toMatchObject({ name: 'https://before.example' })
  })

  it.each<[string, unknown]>([
    ['no document', {}],
    ['a document that is a text', { document: '<xml>' }],
    ['an unknown document', { document: { hello: 'world' } }],
    ['an empty list', { document: [] }],
    ['an unknown format', { document: WSO2, format: 'okta' }],
    ['a save that is no flag', { document: WSO2, save: 'yes' }],
    ['defaults that are no object', { document: WSO2, defaults: ['a'] }],
    ['an unknown member', { document: WSO2, force: true }],
  ])('is refused with %s', async (_, body) => {
    const { ask } = await start()
    const answer = await ask('POST', PATH, body)
    expect([400, 422]).toContain(answer.status)
    expect(answer.text).not.toContain('world')
  })

  it('cannot bring what an entry of the API may not have', async () => {
    const { ask } = await start()
    const defaults = { allowedSubjects: 'any', bearerTokenFile: '/etc/passwd', network: 'any' }
    const { body } = await ask('POST', PATH, { document: KEYCLOAK, save: true, defaults })
    expect(body.saved).toEqual([])
    expect(body.registrations[0].problems.map(({ path }: { path: string[] }) => path[0]).sort()).toEqual([
      'bearerTokenFile',
      'network',
    ])
  })

  it('needs a store only if it saves', async () => {
    const { ask } = await start({ admin: { store: undefined } })
    expect((await ask('POST', PATH, { document: WSO2 })).status).toBe(200)
    expect((await ask('POST', PATH, { document: WSO2, save: true })).status).toBe(405)
  })

  it('may have 1 MiB', async () => {
    const { ask } = await start()
    const document = { ...WSO2, description: 'x'.repeat(500_000) }
    expect((await ask('POST', PATH, { document })).status).toBe(200)
    expect((await ask('POST', PATH, { document: { ...WSO2, description: 'x'.repeat(1_100_000) } })).status).toBe(413)
  })
})
