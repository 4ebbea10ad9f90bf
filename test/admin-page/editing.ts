import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals'
import type { Browser, Locator } from 'playwright-core'
import { FakeIdentityProvider } from '../../src/testing/index.js'
import { type AdminHost, ENTRY, startAdminHost } from '../support/admin-host.js'
import { type AdminPage, openAdminPage } from '../support/admin-page.js'
import { RSA_CERTIFICATE } from '../support/certificates.js'
import { TOKEN_ENDPOINT } from '../support/exchange-host.js'

const POLICY = {
  requiredClaims: { tid: { equals: 'acme', message: 'only us' }, level: { atLeast: 2 } },
  bindings: [{ name: 'write', when: { ref: 'refs/heads/main' }, scopes: ['orders:write'], lifetime: 300 }],
  groupsToScopes: { admins: ['orders:read', 'orders:write'] },
  claimsToToken: { email: 'email', tenant: { value: 'acme' } },
  subject: 'namespaced',
}

export function describeEditing(browser: () => Browser): void {
  describe('the form of an identity provider', () => {
    let idp: FakeIdentityProvider
    let host: AdminHost
    let admin: AdminPage

    beforeAll(async () => {
      idp = await FakeIdentityProvider.start({ algorithm: 'ES256', alias: TOKEN_ENDPOINT })
      host = await startAdminHost({ admin: { allowPrivateNetworks: true } })
      admin = await openAdminPage(browser(), host)
    })

    afterAll(async () => {
      await admin?.page.context().close()
      await host?.close()
      await idp?.close()
    })

    beforeEach(async () => {
      await host.store.remove('acme')
      const entry = { ...ENTRY, ...POLICY, headers: { 'x-key': 'secret' } }
      expect(await host.ask('POST', '/identity-providers', entry)).toMatchObject({ status: 201 })
    })

    const saved = async () => (await host.ask('GET', '/identity-providers/acme')).body.registration
    const save = async (label = 'Save changes') => {
      await admin.page.getByRole('button', { name: label }).click()
      await admin.page.getByText('Saved.', { exact: true }).waitFor()
    }

    it('saves a change, and leaves everything else as it was', async () => {
      const { page, show } = admin
      const before = await saved()
      await show('#/identity-provider/acme')
      await page.getByLabel('Alias').fill('https://api.example.com')
      await page.getByText('Not saved yet.').waitFor()
      await save()
      expect(await saved()).toEqual({ ...before, alias: 'https://api.example.com' })
      expect(before.headers).toEqual({ 'x-key': '[not shown]' })
      expect((await host.store.get('acme'))?.headers).toEqual({ 'x-key': 'secret' })
    })

    it('saves a policy of conditions, bindings and claims, and shows the same as TOML', async () => {
      const { page, show } = admin
      await show('#/policy/acme')
      const conditions = page.getByRole('group', { name: 'Conditions on claims' })
      await conditions.getByRole('button', { name: 'Add a condition' }).click()
      await conditions.getByLabel('Claim', { exact: true }).last().fill('groups')
      await conditions.getByLabel('Condition', { exact: true }).last().selectOption('includes')
      await conditions.getByLabel('Values, one in each line').fill('ops\nteam-*')
      await conditions.getByRole('button', { name: 'Remove condition on level' }).click()
      const bindings = page.getByRole('group', { name: 'Bindings' })
      await bindings.getByRole('button', { name: 'Add a binding' }).click()
      await bindings.getByLabel('Name').last().fill('read')
      await bindings.getByLabel('Scopes').last().fill('orders:read')
      await page.getByRole('button', { name: 'Remove group admins' }).click()
      await page.getByLabel('As for all identity providers').check()
      const toml = await page.locator('pre').textContent()
      expect(toml).toContain('groups = { includes = ["ops", "team-*"] }')
      expect(toml).toContain('[[identity_provider.binding]]\nname = "read"\nscopes = ["orders:read"]')
      await save('Save policy')
      const { groupsToScopes: _, subject: __, ...policy } = POLICY
      expect(await saved()).toMatchObject({
        ...policy,
        requiredClaims: { tid: POLICY.requiredClaims.tid, groups: { includes: ['ops', 'team-*'] } },
        bindings: [...POLICY.bindings, { name: 'read', scopes: ['orders:read'] }],
      })
      expect(Object.keys(await saved())).not.toEqual(expect.arrayContaining(['groupsToScopes']))
      expect(Object.keys(await saved())).not.toEqual(expect.arrayContaining(['subject']))
    })

    it('shows each problem at its field, and leads there', async () => {
      const { page, show } = admin
      await show('#/identity-provider/acme')
      await page.getByLabel("Identity Provider's JWKS Endpoint").fill('ftp://idp.example.com')
      await page.getByText('Limits of its assertions').click()
      await page.getByLabel('Longest time since iat (seconds)').fill('soon')
      await page.getByText('Limits of its assertions').click()
      await page.getByRole('button', { name: 'Save changes' }).click()
      const summary = page.getByRole('alert')
      await summary.getByRole('heading', { name: 'things are wrong' }).waitFor()
      await summary.getByRole('button', { name: 'maxAge' }).click()
      await page.locator('#option-maxAge:focus').waitFor()
      const endpoint = page.getByLabel("Identity Provider's JWKS Endpoint")
      expect(await endpoint.getAttribute('aria-invalid')).toBe('true')
      expect(await textsThatDescribe(endpoint)).toContain('https')
      await endpoint.fill('https://idp.example.com/jwks')
      expect(await endpoint.getAttribute('aria-invalid')).toBeNull()
      expect((await saved()).jwksUri).toBe(ENTRY.jwksUri)
    })

    it('shows both versions if another tab has saved meanwhile, and takes either', async () => {
      const { page, show } = admin
      const other = await openAdminPage(browser(), host)
      await show('#/identity-provider/acme')
      await other.show('#/identity-provider/acme')
      await other.page.getByLabel('Alias').fill('https://theirs.example')
      await other.page.getByLabel('Display name').fill('Acme of theirs')
      await other.page.getByRole('button', { name: 'Save changes' }).click()
      await other.page.getByText('Saved.', { exact: true }).waitFor()

      await page.getByLabel('Alias').fill('https://mine.example')
      await page.getByRole('button', { name: 'Save changes' }).click()
      await page.getByRole('heading', { name: 'Somebody else has saved' }).waitFor()
      const row = page.getByRole('row').filter({ hasText: 'alias' })
      expect(await row.getByRole('cell').allTextContents()).toEqual(['https://mine.example', 'https://theirs.example'])
      expect((await saved()).alias).toBe('https://theirs.example')

      await page.getByRole('button', { name: 'Load the saved version' }).click()
      expect(await page.getByLabel('Alias').inputValue()).toBe('https://theirs.example')

      await other.page.getByLabel('Description').fill('changed again')
      await other.page.getByRole('button', { name: 'Save changes' }).click()
      await other.page.getByText('Saved.', { exact: true }).waitFor()
      await page.getByLabel('Alias').fill('https://mine.example')
      await page.getByRole('button', { name: 'Save changes' }).click()
      await page.getByRole('button', { name: 'Keep my changes' }).click()
      await save()
      const both = { alias: 'https://mine.example', description: 'changed again', displayName: 'Acme of theirs' }
      expect(await saved()).toMatchObject(both)
      await other.page.context().close()
    })

    it('keeps what was typed when the identity provider is switched off meanwhile', async () => {
      const { page, show } = admin
      await show('#/identity-provider/acme')
      await page.getByLabel('Alias').fill('https://api.example.com')
      await page.getByRole('button', { name: 'Switch off' }).click()
      await page.getByRole('dialog').getByRole('button', { name: 'Switch off' }).click()
      await page.getByText('Switched off', { exact: true }).waitFor()
      await save()
      expect(await saved()).toMatchObject({ alias: 'https://api.example.com', enabled: false })
    })

    it('begins with the metadata of an issuer', async () => {
      const { page, show } = admin
      await show('#/identity-providers/new')
      await page.getByText('How the endpoint is reached').click()
      await page.getByLabel('Network').selectOption('any')
      await page.getByLabel('Issuer', { exact: true }).fill('https://127.0.0.1:1')
      await page.getByRole('button', { name: 'Find the rest' }).click()
      await page.getByRole('alert').filter({ hasText: 'The connection failed' }).waitFor()
      await page.getByLabel('Issuer', { exact: true }).fill(idp.url)
      await page.getByLabel('Issuer', { exact: true }).press('Enter')
      await page.getByText('These were filled in below').waitFor()
      expect(await page.getByLabel('Identity Provider Name').inputValue()).toBe(idp.name)
      expect(await page.getByLabel("Identity Provider's JWKS Endpoint").inputValue()).toBe(idp.jwksUri)
    })

    it('begins with a template, and names the examples that are left', async () => {
      const { page, show } = admin
      await show('#/identity-providers/new')
      await page.getByLabel('Template', { exact: true }).selectOption('Keycloak')
      await page.getByRole('button', { name: 'Fill in the form' }).click()
      const left = page.getByRole('status').filter({ hasText: 'The form still has these examples' })
      expect(await left.getByRole('listitem').allTextContents()).toContain('sso.example.com')
      await page.getByLabel('Identity Provider Name').fill('https://sso.acme.net/realms/main')
      await page.getByLabel("Identity Provider's JWKS Endpoint").fill('https://sso.acme.net/realms/main/certs')
      expect(await left.getByRole('listitem').allTextContents()).not.toContain('sso.example.com')
      await page.getByLabel('Id', { exact: true }).fill('keycloak')
      await page.getByRole('button', { name: 'Add identity provider' }).click()
      await page.locator('h1:focus', { hasText: 'Keycloak' }).waitFor()
      expect((await host.ask('GET', '/identity-providers/keycloak')).body.registration).toMatchObject({
        displayName: 'Keycloak',
        requiredClaims: { azp: ['orders-portal', 'orders-batch'] },
        bindings: [{ name: 'write', when: { 'realm_access.roles': { includes: 'orders-writer' } } }],
      })
    })

    it('begins with the export of another server, and names what has no counterpart', async () => {
      const { page, show } = admin
      const config = {
        issuer: 'https://login.partner.example',
        jwksUrl: 'https://login.partner.example/keys',
        useJwksUrl: 'true',
      }
      const partner = { alias: 'partner', providerId: 'oidc', config }
      await show('#/identity-providers/new')
      const document = page.getByLabel('Exported JSON')
      const read = page.getByRole('button', { name: 'Read it' })
      await document.fill('{"alias":')
      await read.click()
      await page.getByText('This is not JSON.').waitFor()
      await document.fill(JSON.stringify({ ...partner, config: { ...config, hideOnLoginPage: 'true' } }))
      await read.click()
      await page.getByRole('status').filter({ hasText: 'hideOnLoginPage' }).waitFor()
      expect(await page.getByLabel('Identity Provider Name').inputValue()).toBe('https://login.partner.example')
      const several = { identityProviders: [partner, { ...partner, alias: 'other', displayName: 'The other one' }] }
      await document.fill(JSON.stringify(several))
      await read.click()
      await page.getByRole('button', { name: 'The other one' }).click()
      expect(await page.getByLabel('Display name').inputValue()).toBe('The other one')
    })

    it.each(['PEM', 'DER'] as const)('takes an uploaded certificate in %s', async (encoding) => {
      const { page, show } = admin
      const der = Buffer.from(RSA_CERTIFICATE.replace(/-----[^-]+-----|\s/g, ''), 'base64')
      await show('#/identity-provider/acme')
      await page.getByLabel('Upload IDP certificate').check()
      const file = page.getByLabel('Certificate file')
      await file.setInputFiles({ name: 'a.pem', mimeType: 'text/plain', buffer: Buffer.from('no certificate') })
      await page.getByText('The file has no certificate.').waitFor()
      await file.setInputFiles({
        name: 'idp.crt',
        mimeType: '',
        buffer: encoding === 'PEM' ? Buffer.from(RSA_CERTIFICATE) : der,
      })
      await page.locator('pre', { hasText: 'END CERTIFICATE' }).waitFor()
      await page.locator('summary', { hasText: 'Other options' }).click()
      await page.getByLabel('Other options (JSON)').fill('')
      await page.getByRole('button', { name: 'Test', exact: true }).click()
      await page.getByText('The configured keys can be used: 1 certificate.').waitFor()
      await save()
      const { certificates, jwksUri, headers } = await saved()
      expect([certificates.map((text: string) => text.trim()), jwksUri, headers]).toEqual([
        [RSA_CERTIFICATE.trim()],
        undefined,
        undefined,
      ])
    })
  })
}

/** What a screen reader reads after the name of a field. */
async function textsThatDescribe(field: Locator): Promise<string> {
  const ids = ((await field.getAttribute('aria-describedby')) ?? '').split(' ')
  const texts = await Promise.all(ids.map((id) => field.page().locator(`[id="${id}"]`).textContent()))
  return texts.join('\n')
}
