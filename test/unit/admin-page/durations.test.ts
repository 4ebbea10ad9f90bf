import { describe, expect, it } from '@jest/globals'
import { daysUntil, describeDays, describeDuration } from '../../../src/admin-page/durations.js'

describe('a duration', () => {
  it.each([
    [-5, '0 seconds'],
    [0, '0 seconds'],
    [999, '0 seconds'],
    [1000, '1 second'],
    [59_999, '59 seconds'],
    [60_000, '1 minute'],
    [7_200_000, '2 hours'],
    [172_800_000, '2 days'],
  ])('of %d milliseconds is %s', (milliseconds, text) => {
    expect(describeDuration(milliseconds)).toBe(text)
  })

  it.each([
    [1, '1 day'],
    [729, '729 days'],
    [730, '2 years'],
  ])('of %d days is %s', (days, text) => {
    expect(describeDays(days)).toBe(text)
  })

  it('until a date has whole days, and is negative in the past', () => {
    const now = 1_000_000_000_000
    expect([86_399, 86_400, -1].map((seconds) => daysUntil(now / 1000 + seconds, now))).toEqual([0, 1, -1])
  })
})
