import { readFileSync } from 'node:fs'
import { describe, expect, it } from '@jest/globals'
import { summaryOf, textOfEvent } from '../../../src/admin-page/event-texts.js'
import { describeFailure } from '../../../src/admin-page/fetch-failures.js'
import { EXCHANGE_EVENT_NAMES } from '../../../src/events/event-names.js'

const eventOf = (name: string, data = {}) => ({ n: 1, at: 0, name, data })

describe('the texts of the page', () => {
  it('are there for each event', () => {
    expect(EXCHANGE_EVENT_NAMES.length).toBeGreaterThan(25)
    expect(EXCHANGE_EVENT_NAMES.filter((name) => textOfEvent(eventOf(name)).label === name)).toEqual([])
  })

  it('are the name of an event that is new, and say what somebody did', () => {
    expect(textOfEvent(eventOf('unheard.of'))).toEqual({ label: 'unheard.of', tone: 'quiet' })
    const saved = (action: string) => textOfEvent(eventOf('identity_provider.saved', { action })).label
    expect(['created', 'patched', 'disabled'].map(saved)).toEqual(['Added', 'Saved', 'Switched off'])
  })

  it('sum an event up', () => {
    const data = { subject: 'a|b', scopes: ['x', 'y'], status: 400, error: 'invalid_grant', by: 'alice', claim: '' }
    expect(summaryOf(eventOf('e', data))).toBe('subject a|b, scopes x y, answered 400 invalid_grant, by alice')
    expect(summaryOf(eventOf('e', { scopes: [] }))).toBe('')
  })

  it('are there for each reason for which a key set cannot be fetched', () => {
    const source = readFileSync('src/guarded-fetch/fetch-error.ts', 'utf8')
    const [, union = ''] = /export type JwksFetchFailure =([^/]*)/.exec(source) ?? []
    const reasons = [...union.matchAll(/'(\w+)'/g)].map(([, reason = '']) => reason)
    expect(reasons.length).toBeGreaterThan(15)
    expect(reasons.filter((reason) => describeFailure({ reason }) === reason)).toEqual([])
  })

  it('say when a fetch failed, and how', () => {
    const failure = { reason: 'connection_failed', code: 'ECONNREFUSED', detail: 'no', millisecondsAgo: 61_000 }
    expect(describeFailure(failure)).toBe('The connection failed (ECONNREFUSED: no), 1 minute ago')
    expect(describeFailure({ reason: 'toString' })).toBe('toString')
  })
})
