import type { Browser, BrowserContextOptions, Page } from 'playwright-core'
import type { AdminHost } from './admin-host.js'
import { openPage, type WatchedPage } from './chromium.js'

/** The admin page of a host, in a browser. */
export interface AdminPage extends WatchedPage {
  /** Loads the page with a view, such as `#/keys`, and waits for its heading. */
  show(hash: string): Promise<void>
  /** Forgets faults and origins, so that the next test has its own. */
  forget(): void
}

export async function openAdminPage(
  browser: Browser,
  { url }: Pick<AdminHost, 'url'>,
  options?: BrowserContextOptions,
): Promise<AdminPage> {
  const watched = await openPage(browser, options)
  const { page, faults, origins } = watched
  page.setDefaultTimeout(10_000)
  let loads = 0
  return {
    ...watched,
    show: async (hash) => {
      loads += 1
      // Another query, or else only the hash would change. Over a blank page, each load would start another process.
      await page.goto(`${url}/admin/?${loads}${hash}`)
      await headingOf(page).waitFor()
    },
    forget: () => {
      faults.length = 0
      origins.clear()
    },
  }
}

/** The heading of a view that has loaded. */
export function headingOf(page: Page) {
  return page.getByRole('heading', { level: 1 }).filter({ hasNotText: 'Loading…' })
}
