import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, beforeAll, expect, it } from '@jest/globals'
import express from 'express'
import type { Browser } from 'playwright-core'
import { openPage, startChromium } from '../support/chromium.js'
import { describeWithChromium } from '../support/services.js'

const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

describeWithChromium('the built page', () => {
  let browser: Browser
  let server: Server
  let url: string

  beforeAll(async () => {
    const app = express()
    app.use('/admin', (_, response, next) => {
      response.set('Content-Security-Policy', POLICY)
      next()
    })
    app.get('/admin/identity-providers', (_, response) => {
      const enabled = {
        id: 'acme',
        source: 'store',
        enabled: true,
        name: 'https://idp.example.com',
        displayName: 'Acme',
      }
      response.json({ identityProviders: [enabled], next: null })
    })
    app.use('/admin', express.static('dist/admin-page'))
    server = app.listen(0, '127.0.0.1')
    await new Promise((resolve) => server.once('listening', resolve))
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    browser = await startChromium()
  })

  afterAll(async () => {
    await browser.close()
    server.close()
    server.closeAllConnections()
  })

  it('lists the identity providers, under a policy without inline code, with requests to its own server only', async () => {
    const { page, faults, origins } = await openPage(browser)
    await page.goto(`${url}/admin/`)
    await page.getByRole('rowheader', { name: 'Acme' }).waitFor()
    expect([...origins]).toEqual([url])
    expect(faults).toEqual([])
  })

  it('reports code that the policy refuses', async () => {
    const { page, faults } = await openPage(browser)
    await page.goto(`${url}/admin/`)
    await page.evaluate("document.body.setAttribute('style', 'color: red')")
    await page.evaluate("fetch('https://elsewhere.example').catch(() => {})")
    const ofPolicy = () =>
      faults.filter((fault) => /^(style-src-attr inline|connect-src https:\/\/elsewhere)/.test(fault))
    await waitUntil(() => ofPolicy().length === 2)
  })
})

async function waitUntil(isTrue: () => boolean): Promise<void> {
  while (!isTrue()) await pause(10)
}
