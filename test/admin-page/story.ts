import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import type { Browser } from 'playwright-core'
import { FakeIdentityProvider } from '../../src/testing/index.js'
import { type AdminHost, startAdminHost } from '../support/admin-host.js'
import { type AdminPage, headingOf, openAdminPage } from '../support/admin-page.js'
import { GRANT_TYPE, TOKEN_ENDPOINT } from '../support/exchange-host.js'

const CREDENTIALS = `Basic ${Buffer.from('app:a secret of the tests').toString('base64')}`

// One story: each part goes on where the one before has ended.
export function describeStory(browser: () => Browser): void {
  describe('an identity provider on the admin page', () => {
    let idp: FakeIdentityProvider
    let host: AdminHost
    let admin: AdminPage

    beforeAll(async () => {
      idp = await FakeIdentityProvider.start({ algorithm: 'ES256', alias: TOKEN_ENDPOINT })
      host = await startAdminHost({
        admin: { allowPrivateNetworks: true },
        exchange: { jwksEndpoint: { cacheMaxAgeAtLeast: 20, refreshAhead: false, failureBackOff: 20 } },
      })
      host.app.use('/oauth2', host.exchange.router)
      admin = await openAdminPage(browser(), host)
    })

    afterAll(async () => {
      await admin?.page.context().close()
      await host?.close()
      await idp?.close()
    })

    async function exchangeAssertion(): Promise<number> {
      const parameters = { grant_type: GRANT_TYPE, assertion: await idp.issueAssertion({ sub: 'service-1' }) }
      const headers = { authorization: CREDENTIALS }
      const body = new URLSearchParams(parameters)
      const { status } = await fetch(`${host.url}/oauth2/token`, { method: 'POST', headers, body })
      return status
    }

    /** Switches off or on, after a look at what the dialog says. */
    async function confirm(action: string, consequence: string): Promise<void> {
      const { page } = admin
      await page.getByRole('button', { name: `${action} Orders` }).click()
      const dialog = page.getByRole('dialog', { name: `${action} Orders?` })
      await dialog.getByText(consequence).waitFor()
      await dialog.getByRole('button', { name: action }).click()
      await dialog.waitFor({ state: 'detached' })
    }

    it('is tested before it is saved, and registered', async () => {
      const { page, show } = admin
      expect(await exchangeAssertion()).toBe(400)
      await show('#/')
      await page.getByRole('link', { name: 'Add identity provider' }).click()
      await page.getByLabel('Identity Provider Name').fill(idp.name)
      await page.getByLabel('Display name').fill('Orders')
      await page.getByLabel("Identity Provider's JWKS Endpoint").fill(idp.jwksUri)
      await page.getByLabel('Subjects (sub)').fill('service-*')
      await page.getByText('How the endpoint is reached').click()
      await page.getByLabel('Network').selectOption('any')
      await page.getByRole('button', { name: 'Test', exact: true }).click()
      await page.getByText('The keys were fetched, and can be used: 1 key.').waitFor()
      await page.getByRole('rowheader', { name: String(idp.signingKey.publicJwk.kid) }).waitFor()
      expect((await host.ask('GET', '/identity-providers')).body.identityProviders).toHaveLength(1)
      await page.getByRole('button', { name: 'Add identity provider' }).click()
      await page.locator('h1:focus', { hasText: 'Orders' }).waitFor()
      const { identityProviders } = (await host.ask('GET', '/identity-providers?search=orders')).body
      expect(identityProviders[0].registration).toEqual({
        id: expect.stringMatching(/^orders-/),
        name: idp.name,
        displayName: 'Orders',
        jwksUri: idp.jwksUri,
        allowedSubjects: ['service-*'],
        network: 'any',
      })
    })

    it('is trusted at once, and its token is in the activity', async () => {
      const { page, show } = admin
      expect(await exchangeAssertion()).toBe(200)
      await show('#/')
      const row = page.getByRole('row', { name: 'Orders' })
      await row.getByText('Fresh').waitFor()
      await row.getByText('1 key').waitFor()
      await row.getByRole('link', { name: 'Orders' }).click()
      await page.getByRole('navigation', { name: 'Views of Orders' }).getByRole('link', { name: 'Activity' }).click()
      const issued = page.getByRole('row').filter({ hasText: 'Token issued' })
      await issued.filter({ hasText: 'app' }).waitFor()
      // Another one appears by itself.
      expect(await exchangeAssertion()).toBe(200)
      await issued.nth(1).waitFor()
    })

    it('shows that its key endpoint fails', async () => {
      const { page, show } = admin
      const fetchKeys = page.getByRole('button', { name: 'Fetch the keys now' })
      idp.setKeySetHeaders({ 'Cache-Control': 'max-age=1' })
      await show('#/keys')
      await page.getByRole('link', { name: 'Orders' }).click()
      await fetchKeys.click()
      await page.getByText('The keys were fetched.').waitFor()
      await idp.fault('error')
      await fetchKeys.click()
      await page.getByRole('alert').getByText('The keys cannot be fetched now').waitFor()
      await page.getByText('Last error: The endpoint answered with an error (500)').waitFor()
      await show('#/')
      const row = page.getByRole('row', { name: 'Orders' })
      await row.getByText('Stale').waitFor()
      await row.getByText('The endpoint answered with an error (500)').waitFor()
      await show('#/activity')
      await page.getByLabel('Reason').selectOption('unexpected_status')
      await page.getByRole('row').filter({ hasText: 'Key fetch failed' }).first().waitFor()
      await idp.fault('off')
    })

    it('is switched off after a confirmation, so that the next exchange is refused', async () => {
      const { page, show } = admin
      await show('#/')
      await page.getByRole('button', { name: 'Switch off Orders' }).click()
      await page.getByRole('dialog').getByRole('button', { name: 'Cancel' }).click()
      expect(await exchangeAssertion()).toBe(200)
      await confirm('Switch off', 'Its assertions are refused at once')
      await page.getByText('Orders is switched off.').waitFor()
      expect(await exchangeAssertion()).toBe(400)
      await show('#/activity')
      const refused = page.getByRole('row').filter({ hasText: 'identity_provider_disabled' })
      await refused.filter({ hasText: 'Token refused' }).waitFor()
      await page.getByRole('row').filter({ hasText: 'Switched off' }).first().waitFor()
    })

    it('is switched on again', async () => {
      const { page, show } = admin
      await show('#/')
      await confirm('Switch on', 'Its assertions are accepted again.')
      await page.getByText('Orders is switched on.').waitFor()
      expect(await exchangeAssertion()).toBe(200)
    })

    it('is explained with each check', async () => {
      const { page, show } = admin
      await show('#/explain')
      await page.getByLabel('Assertion (JWT)').fill(await idp.issueAssertion({ sub: 'mallory' }))
      await page.getByLabel('Client id').fill('app')
      await page.getByRole('button', { name: 'Explain' }).click()
      await page.getByRole('heading', { name: 'It would be refused' }).waitFor()
      const check = page.getByRole('row').filter({ hasText: 'subject_not_allowed' })
      expect(await check.textContent()).toMatch(/Failed.*service-\*.*mallory/)
      await page.getByRole('row').filter({ hasText: 'signature' }).getByText('Passed').waitFor()
      await page.getByLabel('Assertion (JWT)').fill(await idp.issueAssertion({ sub: 'service-1' }))
      await page.getByRole('button', { name: 'Explain' }).click()
      await page.getByRole('heading', { name: 'It would be accepted' }).waitFor()
      await page.getByText('orders:read').first().waitFor()
    })

    it('is removed after a confirmation', async () => {
      const { page, show } = admin
      await show('#/')
      await page.getByRole('link', { name: 'Orders' }).click()
      await page.getByRole('button', { name: 'Remove this identity provider' }).click()
      await page.getByRole('dialog').getByRole('button', { name: 'Remove', exact: true }).click()
      await headingOf(page).filter({ hasText: 'Identity providers' }).waitFor()
      expect(await exchangeAssertion()).toBe(400)
      expect((await host.ask('GET', '/identity-providers')).body.identityProviders).toHaveLength(1)
    })

    it('causes no error in the browser; only the refused refresh is reported by the browser itself', () => {
      expect(admin.faults).toEqual([expect.stringContaining('the server responded with a status of 503')])
    })
  })
}
