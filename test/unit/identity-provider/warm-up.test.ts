import { describe, expect, it } from '@jest/globals'
import type { IdentityProvider } from '../../../src/identity-provider/identity-provider.js'
import { type ReadyOptions, warmUp } from '../../../src/identity-provider/warm-up.js'
import { AdjustableClock } from '../../support/adjustable-clock.js'
import { AdjustableTimers } from '../../support/adjustable-timers.js'

const STATS: Readonly<Record<string, object>> = {
  '': { state: 'never' },
  moved: {
    state: 'down',
    lastFailure: {
      reason: 'redirected',
      code: '301',
      url: 'https://a.example/keys',
      detail: 'it leads to https://b.example/',
    },
  },
  dead: { state: 'down', lastFailure: { reason: 'not_json' } },
  'too old': { state: 'idle', servesFor: 0 },
}

/** Warms identity providers up, of which each begins when this says so; those of no name never end. */
function start(options: ReadyOptions, names: readonly string[] = ['one', 'two']) {
  const timers = new AdjustableTimers(new AdjustableClock())
  const begun: string[] = []
  const identityProviders = names.map((name) => ({
    id: name,
    trust: { isOn: name !== 'disabled' },
    keySource: {
      warmUp: async () => {
        begun.push(name)
        if (name === '') await new Promise(() => {})
      },
      stats: () => STATS[name] ?? { state: 'ok', servesFor: 1 },
    },
  }))
  const chances = [0.25, 0.75]
  const random = () => chances.shift() ?? 0
  let outcome = 'warming up'
  warmUp(identityProviders as unknown as IdentityProvider[], options, { timers, random }).then(
    () => {
      outcome = 'done'
    },
    (error: Error) => {
      outcome = String(error.cause ?? error.name)
    },
  )
  return { timers, begun, outcome: () => outcome }
}

const turn = () => new Promise((resolve) => setImmediate(resolve))

describe('warming up', () => {
  it('begins with all at once', async () => {
    const { begun, outcome } = start({})
    expect(begun).toEqual(['one', 'two'])
    await turn()
    expect(outcome()).toBe('done')
  })

  it('is spread at random over the given time', async () => {
    const { begun, timers } = start({ spread: 1000 })
    await timers.advance(0.249)
    expect(begun).toEqual([])
    await timers.advance(0.001)
    expect(begun).toEqual(['one'])
    await timers.advance(0.5)
    expect(begun).toEqual(['one', 'two'])
  })

  it('skips disabled identity providers', async () => {
    expect(start({}, ['disabled', 'one']).begun).toEqual(['one'])
  })

  it('ends after 5 seconds plus the spread, even if a fetch does not', async () => {
    const { outcome, timers } = start({ spread: 1000 }, ['one', ''])
    await timers.advance(5.999)
    expect(outcome()).toBe('warming up')
    await timers.advance(0.001)
    expect(outcome()).toBe('done')
  })

  it('rejects with failFast if one is down or has not answered yet, and names each', async () => {
    const { outcome, timers } = start({ failFast: true }, ['one', 'dead', ''])
    await timers.advance(5)
    expect(outcome()).toBe('Error: dead: not_json; : no answer yet')
  })

  it('rejects with failFast, and says which fetch failed and what it got', async () => {
    const { outcome } = start({ failFast: true }, ['moved'])
    await turn()
    expect(outcome()).toBe('Error: moved: redirected 301, https://a.example/keys, it leads to https://b.example/')
  })

  it('rejects with failFast if the keys are too old and newer ones did not arrive in time', async () => {
    const { outcome } = start({ failFast: true }, ['one', 'too old'])
    await turn()
    expect(outcome()).toBe('Error: too old: no answer yet')
  })

  it.each<[string, object]>([
    ['a slip', { failfast: true }],
    ['a negative spread', { spread: -1 }],
    ['a spread of more than a minute', { spread: 60_001 }],
    ['a spread that is a text', { spread: '1' }],
    ['failFast that is a text', { failFast: 'yes' }],
  ])('refuses options with %s, and begins nothing', async (_, options) => {
    const { begun, outcome } = start(options)
    await turn()
    expect([begun, outcome()]).toEqual([[], 'ConfigError'])
  })
})
