import { readFileSync } from 'node:fs'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals'
import { FakeIdentityProvider } from '../../src/testing/index.js'
import { createDocumentSnippets } from '../support/document-snippets.js'
import { startAppHost } from './app-host.js'
import type { Differences } from './differences.js'
import { KEYS } from './key-cases.js'
import { type MigratingApp, type MigratingAppDeps, type Side, startMigratingApp } from './migrating-app.js'
import { CHALLENGES, REQUESTS } from './request-cases.js'
import type { RouteCase, RouteCases } from './route-case.js'
import { CLAIMS, FORGERIES } from './token-cases.js'

export interface Migration {
  /** The heading of the library's part of docs/migration.md. */
  section: string
  /** By the names of cases. All other cases have the same answer on both sides. */
  differences: Differences
  /** Cases that only this library's apps have a route for. */
  cases?: RouteCases
}

const SIDES: readonly Side[] = ['before', 'after']

/** Sends the same requests to the app with a library and to the app with this package. */
export function describeMigration({ section, differences, cases: ownCases = {} }: Migration): void {
  const sharing = { ...CLAIMS, ...FORGERIES, ...REQUESTS, ...CHALLENGES, ...ownCases }
  const cases = { ...sharing, ...KEYS }
  let deps: MigratingAppDeps
  beforeAll(async () => {
    const [idp, host] = await Promise.all([FakeIdentityProvider.start({ algorithm: 'ES256' }), startAppHost()])
    deps = { idp, host, snippets: createDocumentSnippets() }
  })
  afterAll(async () => {
    deps.snippets.remove()
    await Promise.all([deps.idp.close(), deps.host.end()])
  })

  describe.each(SIDES)(`the app of "${section}", %s`, (side) => {
    let app: MigratingApp
    beforeAll(async () => {
      app = await startMigratingApp(section, side, deps)
    })
    afterAll(() => app.close())

    it.each(Object.entries(sharing))('answers as documented to %s', async (name, route) => {
      expect(await route.send(app)).toBe(expected(differences, side, [name, route]))
    })
  })

  describe.each(SIDES)(`the keys of the app of "${section}", %s`, (side) => {
    let app: MigratingApp
    beforeEach(async () => {
      await deps.idp.fault('off')
      app = await startMigratingApp(section, side, deps)
    })
    afterEach(() => app.close())

    it.each(Object.entries(KEYS))('are used as documented for %s', async (name, route) => {
      expect(await route.send(app)).toBe(expected(differences, side, [name, route]))
    })
  })

  describe(`docs/migration.md, "${section}"`, () => {
    it('lists the answers that differ, with the reason', () => {
      const rows = Object.entries(differences).map(([name, { before, after, why }]) => [name, before, after, why])
      expect(differenceRows(section)).toEqual(rows)
    })

    it('lists only requests that are sent', () => {
      expect(Object.keys(differences).filter((name) => cases[name] === undefined)).toEqual([])
      expect(Object.values(differences).filter(({ before, after }) => before === after)).toEqual([])
    })
  })
}

function expected(differences: Differences, side: Side, [name, { answer }]: [string, RouteCase]): string {
  return differences[name]?.[side] ?? answer
}

/** The cells of the rows of the table of differences. */
function differenceRows(section: string): string[][] {
  const part = readFileSync('docs/migration.md', 'utf8')
    .split(/^## /m)
    .find((text) => text.startsWith(`${section}\n`))
  const [, table = ''] = /^\| request \| before \| after \| why \|\n\|[-|]+\|\n((?:\|.*\n)+)/m.exec(part ?? '') ?? []
  return table
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => line.slice(2, -2).split(' | '))
}
