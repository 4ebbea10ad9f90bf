import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import type { Browser } from 'playwright-core'
import { type AdminHost, ENTRY, startAdminHost } from '../support/admin-host.js'
import { type AdminPage, openAdminPage } from '../support/admin-page.js'

const COUNT = 30

export function describeLists(browser: () => Browser): void {
  describe('the lists of the admin page', () => {
    let host: AdminHost
    let admin: AdminPage
    let isSignedIn = true

    beforeAll(async () => {
      host = await startAdminHost({ admin: { authorize: () => isSignedIn } })
      for (let number = 10; number < 10 + COUNT; number++) {
        const entry = {
          ...ENTRY,
          id: `t${number}`,
          displayName: `Tenant ${number}`,
          name: `https://t${number}.example`,
        }
        await host.store.put({ ...entry, network: 'public', enabled: number % 10 !== 0 })
      }
      admin = await openAdminPage(browser(), host)
    })

    afterAll(async () => {
      await admin?.page.context().close()
      await host?.close()
    })

    it('show identity providers page by page, and find them', async () => {
      const { page, show, faults } = admin
      const names = page.getByRole('rowheader')
      await show('#/')
      await page.getByRole('rowheader', { name: 'Tenant 34' }).waitFor()
      // The one of the options is on the first page, in addition.
      expect(await names.count()).toBe(26)
      await page.getByRole('button', { name: 'Next page' }).click()
      await page.getByRole('rowheader', { name: 'Tenant 35' }).waitFor()
      expect(await names.allTextContents()).toEqual([35, 36, 37, 38, 39].map((n) => `Tenant ${n}https://t${n}.example`))
      expect(await page.getByRole('button', { name: 'Next page' }).isDisabled()).toBe(true)
      await page.getByRole('button', { name: 'Previous page' }).click()
      await page.getByRole('rowheader', { name: 'Tenant 34' }).waitFor()
      await page.getByLabel('Show').selectOption('Switched off')
      await page.getByRole('rowheader', { name: 'Tenant 34' }).waitFor({ state: 'detached' })
      expect(await names.count()).toBe(3)
      await page.getByLabel('Show').selectOption('All')
      await page.getByRole('rowheader', { name: 'Tenant 34' }).waitFor()
      await page.getByLabel('Search by name or id').fill('T27.EXAMPLE')
      await page.getByRole('rowheader', { name: 'Tenant 34' }).waitFor({ state: 'detached' })
      expect(await names.allTextContents()).toEqual(['Tenant 27https://t27.example'])
      await page.getByLabel('Search by name or id').fill('nobody')
      await page.getByText('No identity provider fits this search.').waitFor()
      expect(faults).toEqual([])
    })

    it('close a dialog with Escape, and give the focus back', async () => {
      const { page, show } = admin
      await show('#/')
      await page.getByRole('button', { name: 'Switch off Tenant 11' }).press('Enter')
      await page
        .getByRole('dialog', { name: 'Switch off Tenant 11?' })
        .getByRole('button', { name: 'Cancel' })
        .waitFor()
      await page.locator('dialog button:focus', { hasText: 'Cancel' }).waitFor()
      await page.keyboard.press('Escape')
      await page.locator('button:focus', { hasText: 'Switch off Tenant 11' }).waitFor()
      expect(await page.getByRole('dialog').count()).toBe(0)
      expect((await host.store.get('t11'))?.enabled).toBe(true)
    })

    it('stop while events are paused, filter them, and go on without a gap after the server refused', async () => {
      const { page, show } = admin
      const { exchange } = host
      const rows = page.getByRole('row').filter({ hasText: 'fixed' })
      const [on, off] = ['Switched on', 'Switched off'].map((label) => rows.filter({ hasText: label }))
      await show('#/activity')
      await page.getByText('Live', { exact: true }).waitFor()
      await exchange.disableIdentityProvider('fixed')
      await off?.waitFor()
      await page.getByRole('button', { name: 'Pause' }).click()
      await exchange.enableIdentityProvider('fixed')
      await page.getByRole('button', { name: 'Continue (1 new)' }).waitFor()
      expect(await on?.count()).toBe(0)
      await page.getByRole('button', { name: 'Continue' }).click()
      await on?.waitFor()
      const tenant = page.getByRole('cell', { name: 't12', exact: true }).first()
      await tenant.waitFor()
      await page.getByLabel('Identity provider').selectOption('fixed')
      await tenant.waitFor({ state: 'detached' })

      isSignedIn = false
      host.server.closeAllConnections()
      await page.getByText('Connection lost').waitFor()
      await exchange.disableIdentityProvider('fixed')
      await page.getByRole('alert').waitFor()
      isSignedIn = true
      await page.getByText('Live', { exact: true }).waitFor()
      await off?.nth(1).waitFor()
    })

    it('say so when nobody is signed in any more', async () => {
      const { page, show } = admin
      await show('#/')
      await page.getByRole('rowheader', { name: 'Tenant 34' }).waitFor()
      isSignedIn = false
      await page.getByLabel('Show').selectOption('Switched off')
      await page.getByRole('alert').waitFor()
      expect(await page.getByRole('alert').textContent()).toMatch(/Sign in, and reload it/)
      isSignedIn = true
      await page.getByLabel('Show').selectOption('Switched on')
      await page.getByRole('alert').waitFor({ state: 'detached' })
    })
  })
}
