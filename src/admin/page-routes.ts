import { readFile } from 'node:fs/promises'
import { pathOf } from '../protected-route/host-request.js'
import type { AdminRequest, AdminRoute } from './admin-request.js'
import type { Answer } from './answer.js'
import { AdminProblem } from './problem.js'

/** The same place from src/admin and from dist/admin, where this code is bundled. */
const DIRECTORY = new URL('../../dist/admin-page/', import.meta.url)
const files = new Map<string, Promise<Buffer>>()

export const PAGE_ROUTES: readonly AdminRoute[] = [
  { method: 'GET', path: '/', handle: servePage },
  { method: 'GET', path: '/page.js', handle: () => serveFile('page.js', 'text/javascript; charset=utf-8') },
  { method: 'GET', path: '/page.css', handle: () => serveFile('page.css', 'text/css; charset=utf-8') },
]

/** The addresses in the page are relative, so its own must end with a slash. */
async function servePage({ req }: AdminRequest): Promise<Answer> {
  const path = pathOf(req.originalUrl ?? req.url)
  if (path.endsWith('/')) return serveFile('index.html', 'text/html; charset=utf-8')
  const segment = path.slice(path.lastIndexOf('/') + 1)
  return { status: 308, headers: { Location: `./${segment}/` } }
}

async function serveFile(name: string, type: string): Promise<Answer> {
  const reading = files.get(name) ?? readFile(new URL(name, DIRECTORY))
  files.set(name, reading)
  try {
    return { status: 200, type, content: await reading }
  } catch {
    files.delete(name)
    throw new AdminProblem('not-found', 'The page was not built.')
  }
}
