import { beforeEach, describe, expect, it } from '@jest/globals'
import { BackgroundWork } from '../../../src/jwks/background-work.js'
import { AdjustableClock } from '../../support/adjustable-clock.js'
import { AdjustableTimers } from '../../support/adjustable-timers.js'

describe('work in the background', () => {
  let timers: AdjustableTimers
  let background: BackgroundWork
  let done: string[]

  beforeEach(() => {
    timers = new AdjustableTimers(new AdjustableClock())
    background = new BackgroundWork(timers)
    done = []
  })

  const begin = (name: string) => background.begin(async () => done.push(name))

  it('begins after whatever asks for it has ended, promises included', async () => {
    begin('a')
    await Promise.resolve()
    expect(done).toEqual([])
    await timers.advance(0)
    expect(done).toEqual(['a'])
  })

  it('is one thing at a time: what is asked for meanwhile is left out', async () => {
    let end = () => {}
    background.begin(() => new Promise<void>((resolve) => (end = resolve)))
    begin('meanwhile')
    await timers.advance(0)
    begin('meanwhile')
    await timers.advance(10)
    end()
    await timers.advance(0)
    expect(done).toEqual([])
    begin('afterwards')
    await timers.advance(0)
    expect(done).toEqual(['afterwards'])
  })

  it.each<[string, () => Promise<unknown>]>([
    ['rejects', () => Promise.reject(new Error('down'))],
    [
      'throws',
      () => {
        throw new Error('down')
      },
    ],
  ])('that %s disturbs nobody and holds nothing up', async (_, work) => {
    background.begin(work)
    await timers.advance(0)
    begin('next')
    await timers.advance(0)
    expect(done).toEqual(['next'])
  })

  it('is bounded: a thousand requests plan one timer', () => {
    for (let index = 0; index < 1000; index += 1) begin('a')
    expect(timers.pending).toBe(1)
  })
})
