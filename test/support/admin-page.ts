import type { Browser, BrowserContextOptions, Page } from 'playwright-core'
import type { AdminHost } from './admin-host.js'
import { openPage, type WatchedPage } from './chromium.js'

/** The admin page of a host, in a browser. */
export interface AdminPage extends WatchedPage {
  /** Loads the page with a view, such as `#/keys`, and waits for its heading. */
  show(hash: string): Promise<void>
}

export async function openAdminPage(
  browser: Browser,
  { url }: Pick<AdminHost, 'url'>,
  options?: BrowserContextOptions,
): Promise<AdminPage> {
  const watched = await openPage(browser, options)
  const { page } = watched
  page.setDefaultTimeout(10_000)
  return {
    ...watched,
    show: async (hash) => {
      if (page.url() !== 'about:blank') await page.goto('about:blank')
      await page.goto(`${url}/admin/${hash}`)
      await headingOf(page).waitFor()
    },
  }
}

/** The heading of a view that has loaded. */
export function headingOf(page: Page) {
  return page.getByRole('heading', { level: 1 }).filter({ hasNotText: 'Loading…' })
}
