import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals'
import type { Browser, Dialog } from 'playwright-core'
import { type AdminHost, ENTRY, startAdminHost } from '../support/admin-host.js'
import { type AdminPage, headingOf, openAdminPage } from '../support/admin-page.js'

const VIEWS = ['#/', '#/identity-providers/new', '#/identity-provider/acme', '#/policy', '#/policy/acme', '#/explain']

export function describePage(browser: () => Browser): void {
  describe('the admin page', () => {
    let host: AdminHost
    let admin: AdminPage

    beforeAll(async () => {
      host = await startAdminHost()
      await host.ask('POST', '/identity-providers', ENTRY)
      admin = await openAdminPage(browser(), host)
    })

    beforeEach(() => admin.forget())

    afterAll(async () => {
      await admin?.page.context().close()
      await host?.close()
    })

    it('loads nothing from elsewhere, keeps nothing in the browser, and causes no error, in any view', async () => {
      const { page, show, faults, origins } = admin
      for (const view of VIEWS) await show(view)
      expect([...origins]).toEqual([host.url])
      expect(faults).toEqual([])
      const kept = '[localStorage.length, sessionStorage.length, document.cookie, history.state]'
      expect(await page.evaluate(kept)).toEqual([0, 0, '', null])
    })

    it('is under a policy that refuses inline code and other servers', async () => {
      const { page, show, faults } = admin
      await show('#/')
      await page.evaluate("document.body.setAttribute('style', 'color: red')")
      await page.evaluate("fetch('https://elsewhere.example').catch(() => {})")
      const byPolicy = () =>
        faults.filter((fault) => /^(style-src-attr inline|connect-src https:\/\/elsewhere)/.test(fault))
      while (byPolicy().length < 2) await pause(10)
    })

    it('gives the focus to the heading of a view that was chosen by keyboard, and names it in the title', async () => {
      const { page, show, faults } = admin
      await show('#/')
      const navigation = page.getByRole('navigation', { name: 'Main' })
      const focusedHeading = (name: string) => page.locator('h1:focus').filter({ hasText: name }).waitFor()
      await page.keyboard.press('Tab')
      await page.locator('button:focus', { hasText: 'Skip to the content' }).waitFor()
      for (const [link, heading] of [
        ['Keys', 'Keys'],
        ['Policy', 'Policy'],
        ['Explain', 'Explain an assertion'],
        ['Activity', 'Activity'],
      ] as const) {
        await navigation.getByRole('link', { name: link }).press('Enter')
        await focusedHeading(heading)
        expect(await page.title()).toBe(`${link} – JWT exchange`)
      }
      await navigation.getByRole('link', { name: 'Policy' }).press('Enter')
      await page.getByRole('link', { name: 'Acme Inc.' }).press('Enter')
      await focusedHeading('Acme Inc.')
      expect(faults).toEqual([])
    })

    it('says so if there is no such view, or no such identity provider', async () => {
      const { page, show } = admin
      await show('#/unheard-of')
      expect(await headingOf(page).textContent()).toBe('There is no such view')
      await show('#/identity-provider/nobody')
      expect(await page.getByRole('alert').textContent()).toContain('There is no identity provider with this id')
      await show('#/policy/%E0%A4%A')
      expect(await headingOf(page).textContent()).toBe('There is no such view')
    })

    it('shows an identity provider of the options, and says where to change it', async () => {
      const { page, show, faults } = admin
      await show('#/')
      await page.getByRole('link', { name: 'https://idp.example.com' }).click()
      await page.getByRole('heading', { name: 'This identity provider is defined in code or in a file' }).waitFor()
      expect(await page.getByRole('main').textContent()).toContain('[[identity_provider]]')
      expect(await page.getByRole('textbox').count()).toBe(0)
      await show('#/policy/fixed')
      await page.getByRole('heading', { name: 'This identity provider is defined in code or in a file' }).waitFor()
      expect(faults).toEqual([])
    })

    it('asks before it leaves changes that are not saved', async () => {
      const { page, show } = admin
      const questions: string[] = []
      const answers = [false, true]
      const answer = (dialog: Dialog) => {
        questions.push(dialog.message())
        void (answers.shift() ? dialog.accept() : dialog.dismiss())
      }
      page.on('dialog', answer)
      const keys = page.getByRole('navigation', { name: 'Main' }).getByRole('link', { name: 'Keys' })
      await show('#/identity-provider/acme')
      await page.getByLabel('Alias').fill('https://not.saved.example')
      await keys.click()
      expect(await page.getByLabel('Alias').inputValue()).toBe('https://not.saved.example')
      await keys.click()
      await page.locator('h1:focus', { hasText: 'Keys' }).waitFor()
      await page.getByRole('link', { name: 'Acme Inc.' }).click()
      expect(questions).toEqual(Array(2).fill('Leave without saving? Your changes will be lost.'))
      page.off('dialog', answer)
    })

    it('shows HTML and script in every field as text', async () => {
      const { page, show, faults } = admin
      const hostile = '<img src=x onerror=alert(1)><script>alert(2)</script>\'"</title>'
      const entry = {
        ...ENTRY,
        ...{
          id: hostile,
          displayName: hostile,
          description: hostile,
          name: "https://x.example/\"onload='alert(3)'",
          alias: hostile,
        },
        ...{ allowedSubjects: [hostile], audiences: [hostile], types: [hostile], scopes: ['<b>'] },
        ...{ requiredClaims: { '/<b>': { equals: hostile }, "https://a'<b>": [hostile] }, scopeClaim: 'https://<b>' },
        ...{
          bindings: [{ name: hostile, scopes: ["'<b>"], when: { b: hostile } }],
          groupsToScopes: { [hostile]: ['<b>'] },
        },
        ...{ claimsToToken: { [hostile]: { value: hostile } }, headers: { 'x-key': hostile } },
      }
      const { status, text } = await host.ask('POST', '/identity-providers', entry)
      expect([status, text]).toEqual([201, expect.stringContaining('onerror')])
      await host.ask('POST', `/identity-providers/${encodeURIComponent(hostile)}/disable`, {})
      let dialogs = 0
      page.on('dialog', () => (dialogs += 1))
      const of = encodeURIComponent(hostile)
      for (const view of [
        '#/',
        `#/identity-provider/${of}`,
        `#/policy/${of}`,
        `#/keys/${of}`,
        '#/keys',
        `#/activity/${of}`,
      ]) {
        await show(view)
        await page.locator('main', { hasText: '<img src=x onerror=alert(1)>' }).waitFor()
        expect(await page.locator('#page img, #page script, #page b').count()).toBe(0)
      }
      expect([dialogs, faults]).toEqual([0, []])
      await host.store.remove(hostile)
    })

    it('says where identity providers are configured if there is no store', async () => {
      const withoutStore = await startAdminHost({ admin: { store: undefined } })
      const { page, show } = await openAdminPage(browser(), withoutStore)
      await show('#/')
      await page.getByText('Identity providers cannot be changed here').waitFor()
      expect(await page.getByRole('link', { name: 'Add identity provider' }).count()).toBe(0)
      await show('#/identity-providers/new')
      await page.getByText('Identity providers cannot be changed here').waitFor()
      await page.context().close()
      await withoutStore.close()
    })
  })
}
