import { type Browser, type BrowserContext, type BrowserContextOptions, chromium, type Page } from 'playwright-core'
import { CHROMIUM } from './services.js'

/** A page of the browser, and what went wrong in it. */
export interface WatchedPage {
  page: Page
  /** Messages of the console other than plain output, errors that nobody caught, and violations of the content security policy. */
  faults: string[]
  /** Where it sent requests. */
  origins: Set<string>
}

/** Code of the browser. */
const REPORT_VIOLATIONS = `
  addEventListener('securitypolicyviolation', (event) => reportViolation(event.violatedDirective + ' ' + event.blockedURI))
`

/** As root, as in most containers, Chromium needs to be started without its own sandbox. */
export function startChromium(): Promise<Browser> {
  return chromium.launch({ executablePath: CHROMIUM, args: process.getuid?.() === 0 ? ['--no-sandbox'] : [] })
}

/** A page in a profile of its own. */
export async function openPage(browser: Browser, options?: BrowserContextOptions): Promise<WatchedPage> {
  return openPageIn(await browser.newContext(options))
}

export async function openPageIn(context: BrowserContext): Promise<WatchedPage> {
  const page = await context.newPage()
  const faults: string[] = []
  const origins = new Set<string>()
  page.on('console', (message) => {
    if (['error', 'warning', 'assert'].includes(message.type())) faults.push(message.text())
  })
  page.on('pageerror', (error) => faults.push(String(error)))
  page.on('request', (request) => origins.add(new URL(request.url()).origin))
  await page.exposeFunction('reportViolation', (violation: string) => faults.push(violation))
  await page.addInitScript(REPORT_VIOLATIONS)
  return { page, faults, origins }
}
