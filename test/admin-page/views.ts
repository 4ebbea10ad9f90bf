import { mkdirSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import type { AxeResults } from 'axe-core'
import type { Browser, Page, ViewportSize } from 'playwright-core'
import { FakeIdentityProvider } from '../../src/testing/index.js'
import { type AdminHost, ENTRY, startAdminHost } from '../support/admin-host.js'
import { type AdminPage, openAdminPage } from '../support/admin-page.js'
import { EC_CERTIFICATE } from '../support/certificates.js'
import { GRANT_TYPE, TOKEN_ENDPOINT } from '../support/exchange-host.js'

/** To look at: with SCREENSHOTS=1, each view is kept here. No test reads them, and a picture costs more than its check. */
const SCREENSHOTS = fileURLToPath(new URL('screenshots/', import.meta.url))
const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
const WIDE = { width: 1280, height: 900 }
const NARROW = { width: 360, height: 740 }

const LOOKS = [
  [WIDE, 'light'],
  [WIDE, 'dark'],
  [NARROW, 'light'],
] as const

export function describeViews(browser: () => Browser): void {
  describe('each view of the admin page', () => {
    let idp: FakeIdentityProvider
    let host: AdminHost
    let admin: AdminPage
    let assertion: string

    beforeAll(async () => {
      idp = await FakeIdentityProvider.start({ algorithm: 'ES256', alias: TOKEN_ENDPOINT })
      host = await startAdminHost({
        admin: { allowPrivateNetworks: true },
        exchange: { jwksEndpoint: { failureBackOff: 60_000, connectionRetries: 0 } },
      })
      host.app.use('/oauth2', host.exchange.router)
      assertion = await idp.issueAssertion({ sub: 'mallory', groups: ['ops'] })
      await registerEach(host, idp)
      for (const sub of ['service-1', 'mallory']) await exchange(host, await idp.issueAssertion({ sub }))
      await exchange(host, await idp.issueAssertion({ iss: 'https://down.example.com' }))
      await exchange(host, 'no.jwt.at-all')
      admin = await openAdminPage(browser(), host)
    })

    afterAll(async () => {
      await admin?.page.context().close()
      await host?.close()
      await idp?.close()
    })

    it.each<[string, string, (page: Page) => Promise<unknown>]>([
      ['identity-providers', '#/', (page) => page.getByText('Fresh').waitFor()],
      ['template', '#/identity-providers/new', fillInTemplate],
      ['settings', '#/identity-provider/acme', openAllDetails],
      ['problems', '#/identity-provider/acme', saveSomethingWrong],
      ['conflict', '#/identity-provider/acme', (page) => saveAfterSomebodyElse(page, host)],
      ['switch-off', '#/identity-provider/acme', askToSwitchOff],
      ['read-only', '#/identity-provider/fixed', (page) => page.getByText('What it is').waitFor()],
      ['policy', '#/policy/acme', openAllDetails],
      ['keys', '#/keys', (page) => page.getByText('Fresh').waitFor()],
      ['keys-of-endpoint', '#/keys/orders', (page) => page.getByText('One signature key').waitFor()],
      ['keys-of-certificate', '#/keys/batch', (page) => page.getByText('years left').waitFor()],
      ['explain', '#/explain', (page) => explain(page, assertion)],
      ['activity', '#/activity', (page) => page.getByText('Token issued').first().waitFor()],
    ])('is accessible and fits the screen, wide and narrow, in light and dark: %s', async (name, hash, prepare) => {
      const { page, show, faults, origins } = admin
      admin.forget()
      await look(page, ...LOOKS[0])
      await show(hash)
      await prepare(page)
      await page.evaluate(AXE)
      const found: string[] = []
      for (const [viewport, colorScheme] of LOOKS) {
        await look(page, viewport, colorScheme)
        await page.evaluate('scrollTo(0, 0)')
        await keepScreenshot(page, `${name}-${colorScheme}-${viewport.width}`)
        const problems = await seriousProblems(page, colorScheme)
        found.push(...problems.map((problem) => `${colorScheme}, ${viewport.width}: ${problem}`))
        const width = Number(await page.evaluate('document.documentElement.scrollWidth'))
        if (width > viewport.width) found.push(`${width} pixels instead of ${viewport.width}`)
      }
      expect(found).toEqual([])
      expect([...origins]).toEqual([host.url])
      expect(faults.filter((fault) => !/status of 4[12]2/.test(fault))).toEqual([])
    })
  })
}

async function look(page: Page, viewport: ViewportSize, colorScheme: 'light' | 'dark'): Promise<void> {
  await page.setViewportSize(viewport)
  await page.emulateMedia({ colorScheme })
}

async function keepScreenshot(page: Page, name: string): Promise<void> {
  if (process.env.SCREENSHOTS !== '1') return
  mkdirSync(SCREENSHOTS, { recursive: true })
  await page.screenshot({ path: `${SCREENSHOTS}${name}.png`, fullPage: true })
}

/** In dark, only the colours are others. */
async function seriousProblems(page: Page, colorScheme: 'light' | 'dark'): Promise<string[]> {
  const rules = colorScheme === 'dark' ? { runOnly: ['color-contrast'] } : {}
  const options = JSON.stringify({ ...rules, resultTypes: ['violations'] })
  const { violations } = await page.evaluate<AxeResults>(`axe.run(${options})`)
  return violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(', ')}`)
}

async function registerEach(host: AdminHost, idp: FakeIdentityProvider): Promise<void> {
  const acme = {
    ...ENTRY,
    description: 'The customer of the first hour. Ask the platform team before you change it.',
    requiredClaims: { tid: { equals: 'acme', message: 'only us' }, level: { atLeast: 2 } },
    bindings: [{ name: 'write', when: { ref: 'refs/heads/main' }, scopes: ['orders:write'], lifetime: 300 }],
    groupsToScopes: { admins: ['orders:read', 'orders:write'] },
    claimsToToken: { email: 'email', tenant: { value: 'acme' } },
  }
  const orders = { id: 'orders', displayName: 'Orders', name: idp.name, jwksUri: idp.jwksUri, network: 'any' }
  const batch = { id: 'batch', displayName: 'Nightly batch', name: 'https://batch.example.com' }
  const down = { id: 'down', name: 'https://down.example.com', jwksUri: 'https://127.0.0.1:1/jwks', network: 'any' }
  const entries = [
    acme,
    { ...orders, allowedSubjects: ['service-*'] },
    { ...batch, certificates: [EC_CERTIFICATE], allowedSubjects: ['batch'], enabled: false },
    { ...down, allowedSubjects: 'any' },
  ]
  for (const entry of entries) {
    expect(await host.ask('POST', '/identity-providers', entry)).toMatchObject({ status: 201 })
  }
}

function exchange(host: AdminHost, assertion: string): Promise<Response> {
  return fetch(`${host.url}/oauth2/token`, {
    method: 'POST',
    headers: { authorization: `Basic ${Buffer.from('app:a secret of the tests').toString('base64')}` },
    body: new URLSearchParams({ grant_type: GRANT_TYPE, assertion }),
  })
}

async function fillInTemplate(page: Page): Promise<void> {
  await page.getByLabel('Template', { exact: true }).selectOption('GitHub Actions')
  await page.getByRole('button', { name: 'Fill in the form' }).click()
  await page.getByText('The form still has these examples').waitFor()
}

async function openAllDetails(page: Page): Promise<void> {
  for (const summary of await page.locator('summary').all()) await summary.click()
}

async function saveSomethingWrong(page: Page): Promise<void> {
  await page.getByLabel('Identity Provider Name').fill('')
  await page.getByLabel("Identity Provider's JWKS Endpoint").fill('idp.example.com')
  await page.getByRole('button', { name: 'Save changes' }).click()
  await page.getByText('things are wrong').waitFor()
}

async function saveAfterSomebodyElse(page: Page, host: AdminHost): Promise<void> {
  const { headers } = await host.ask('GET', '/identity-providers/acme')
  const patch = { scopes: ['orders:read', 'orders:write'], groupsToScopes: null }
  await host.ask('PATCH', '/identity-providers/acme', patch, { 'if-match': String(headers.etag) })
  await page.getByLabel('Alias').fill('https://api.example.com')
  await page.getByRole('button', { name: 'Save changes' }).click()
  await page.getByText('Somebody else has saved').waitFor()
}

async function askToSwitchOff(page: Page): Promise<void> {
  await page.getByRole('button', { name: 'Switch off' }).click()
  await page.getByRole('dialog').waitFor()
}

async function explain(page: Page, assertion: string): Promise<void> {
  await page.getByLabel('Assertion (JWT)').fill(assertion)
  await page.getByRole('button', { name: 'Explain' }).click()
  await page.getByRole('heading', { name: 'It would be refused' }).waitFor()
}
