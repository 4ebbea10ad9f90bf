import { describe, expect, it, jest } from '@jest/globals'
import { ExchangeEventEmitter } from '../../../src/events/exchange-events.js'
import type { IdentityProviderStats } from '../../../src/exchange/stats.js'
import { createJwtExchange } from '../../../src/index.js'
import { type CollectOptions, collect, type Metrics, type ObservedExchange } from '../../../src/metrics/index.js'

const TENANTS = 'https://login.example.com/{tenantid}/v2.0'

function statsOf(id: string, rest: Partial<IdentityProviderStats> = {}): IdentityProviderStats {
  return { id, name: id, alias: 'us', enabled: true, source: 'options', state: 'ok', kids: [], keys: [], ...rest }
}

/** Emits what a test says. */
class Observed implements ObservedExchange {
  readonly events = new ExchangeEventEmitter()
  identityProviders: IdentityProviderStats[]
  readonly stats = jest.fn(() => ({ identityProviders: this.identityProviders }))

  constructor(...ids: string[]) {
    this.identityProviders = ids.map((id) => statsOf(id))
  }

  grant(identityProvider?: string): void {
    this.events.emit('access.granted', {
      subject: 'alice',
      ...(identityProvider !== undefined && { identityProvider }),
    })
  }

  deny(reason: string): void {
    this.events.emit('access.denied', { reason } as never)
  }
}

/** The samples of a metric in the text, without its name. */
function samplesIn(metrics: Metrics, name: string): string[] {
  const lines = metrics.text().split('\n')
  return lines
    .filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `))
    .map((line) => line.slice(name.length))
}

const GRANTED = 'jwt_exchange_access_granted_total'

describe('collect refuses', () => {
  it.each<[string, unknown, string]>([
    ['undefined', undefined, 'got undefined'],
    ['null', null, 'got null'],
    ['a string', 'exchange', 'got a string'],
    ['an object without events', { stats: () => ({}) }, 'got an object'],
    ['an object without stats', { events: new ExchangeEventEmitter() }, 'got an object'],
    ['the function that creates exchanges', createJwtExchange, 'got a function'],
  ])('%s as the exchange', (_, given, got) => {
    const message = `collect: ${got}; expected an exchange or a resource server, such as collect(exchange)`
    expect(() => collect(given as ObservedExchange)).toThrow(message)
  })

  it.each<[string, unknown, string]>([
    [
      'options that are no object',
      'all',
      'collect: got a string; expected an object, such as { maxIdentityProviders: 50 }',
    ],
    ['an unknown option', { meeter: {} }, 'collect.meeter: unknown option; did you mean `meter`?'],
    ['a meter that is undefined', { meter: undefined }, 'collect.meter: '],
    [
      'a meter provider',
      { meter: { getMeter: () => {} } },
      'collect.meter: got an object; expected a Meter of @opentelemetry/api',
    ],
    [
      'a fraction of identity providers',
      { maxIdentityProviders: 1.5 },
      'expected a whole number of identity providers from 0 to 10000',
    ],
    ['too many of them', { maxIdentityProviders: 10_001 }, 'collect.maxIdentityProviders: got 10001'],
  ])('%s', (_, options, message) => {
    const observed = new Observed()
    const on = jest.spyOn(observed.events, 'on')
    expect(() => collect(observed, options as CollectOptions)).toThrow(message)
    expect(on).not.toHaveBeenCalled()
  })

  it('a meter that observe() gets late and that is none', () => {
    const metrics = collect(new Observed())
    expect(() => metrics.observe(undefined as never)).toThrow(
      'observe: got undefined; expected a Meter of @opentelemetry/api',
    )
  })
})

/** A meter of which one function throws. */
function brokenMeter(broken: string) {
  const calls: string[] = []
  const call = (name: string) => () => {
    calls.push(name)
    if (name === broken) throw new Error(`${name} is broken`)
    return { record: call('record') }
  }
  const names = [
    'createObservableCounter',
    'createObservableGauge',
    'createHistogram',
    'addBatchObservableCallback',
    'removeBatchObservableCallback',
  ]
  return { calls, meter: Object.fromEntries(names.map((name) => [name, call(name)])) as never }
}

describe('a meter that throws', () => {
  it.each(['createObservableCounter', 'createHistogram', 'addBatchObservableCallback'])(
    'in %s is reported, and no listener stays',
    (broken) => {
      const observed = new Observed()
      const off = jest.spyOn(observed.events, 'off')
      const on = jest.spyOn(observed.events, 'on')
      expect(() => collect(observed, { meter: brokenMeter(broken).meter })).toThrow(`${broken} is broken`)
      expect(off.mock.calls).toEqual(on.mock.calls)
    },
  )

  it('as a duration is recorded changes no count', () => {
    const observed = new Observed('idp')
    const { meter, calls } = brokenMeter('record')
    const metrics = collect(observed, { meter })
    observed.events.emit('jwks.refreshed', { identityProvider: 'idp', durationMs: 10 } as never)
    expect(calls).toContain('record')
    expect(samplesIn(metrics, 'jwt_exchange_key_set_fetch_duration_seconds_sum')).toEqual([
      '{outcome="refreshed",identity_provider="idp"} 0.01',
    ])
  })

  it('is asked once, however often it is given', () => {
    const { meter, calls } = brokenMeter('none')
    const metrics = collect(new Observed(), { meter })
    metrics.observe(meter)
    expect(calls.filter((name) => name === 'addBatchObservableCallback')).toHaveLength(1)
    metrics.stop()
    expect(calls.filter((name) => name === 'removeBatchObservableCallback')).toHaveLength(1)
  })
})

describe('the text', () => {
  it('escapes quotes, backslashes and line feeds of a label, and keeps other characters', () => {
    const id = 'a"b\\c\nd\re\u{1F511}é\t'
    const metrics = collect(new Observed(id))
    expect(samplesIn(metrics, 'jwt_exchange_identity_provider_enabled')).toEqual([
      '{identity_provider="a\\"b\\\\c\\nd\re\u{1F511}é\t"} 1',
    ])
  })

  it('counts an identity provider under its id, also where events escape it', () => {
    const observed = new Observed('é"\n')
    const metrics = collect(observed)
    observed.grant('é"\n')
    observed.grant('\\u00e9"\\u000a')
    expect(samplesIn(metrics, GRANTED)).toEqual(['{identity_provider="é\\"\\n"} 2'])
  })

  it('has no series twice if two ids differ in half a character only', () => {
    const metrics = collect(new Observed('a\uD800', 'a\uDC00'))
    expect(samplesIn(metrics, 'jwt_exchange_identity_provider_enabled')).toEqual(['{identity_provider="a\uFFFD"} 1'])
  })

  it('is the same for the same counts, in whatever order they came', () => {
    const [one, other] = [new Observed('a', 'b'), new Observed('b', 'a')]
    const metrics = [one, other].map((observed) => collect(observed))
    for (const reason of ['no_token', 'expired']) one.deny(reason)
    for (const reason of ['expired', 'no_token']) other.deny(reason)
    for (const id of ['a', 'b']) one.grant(id)
    for (const id of ['b', 'a']) other.grant(id)
    expect(metrics[0]?.text()).toBe(metrics[1]?.text())
  })

  it('is what stats() throws', () => {
    const observed = new Observed()
    const metrics = collect(observed)
    observed.stats.mockImplementation(() => {
      throw new Error('no stats')
    })
    expect(() => metrics.text()).toThrow('no stats')
  })

  it('counts every event from 0 on', () => {
    const observed = new Observed()
    const metrics = collect(observed)
    const counted = () => samplesIn(metrics, 'jwt_exchange_events_total')
    expect(counted()).toContain('{event="replay_store.at_risk"} 0')
    observed.events.emit('replay_store.at_risk', { message: 'made up' })
    expect(counted()).toContain('{event="replay_store.at_risk"} 1')
    expect(counted().filter((line) => !line.endsWith(' 0'))).toHaveLength(1)
  })
})

describe('series', () => {
  it('are not made of ids that are not registered', () => {
    const observed = new Observed('idp')
    const metrics = collect(observed)
    for (const id of ['removed', 'removed', 'other-one']) observed.grant(id)
    observed.grant('idp')
    observed.grant()
    expect(samplesIn(metrics, GRANTED)).toEqual([' 1', '{identity_provider="idp"} 1', '{identity_provider="other"} 3'])
  })

  it('are not made of tenants that tokens name', () => {
    const observed = new Observed(TENANTS)
    const metrics = collect(observed)
    for (const tenant of ['one', 'two', 'three']) observed.grant(TENANTS.replace('{tenantid}', tenant))
    expect(samplesIn(metrics, GRANTED)).toEqual([`{identity_provider="${TENANTS}"} 3`])
    expect(observed.stats).toHaveBeenCalledTimes(2)
  })

  it('are not made of reasons that the package does not have', () => {
    const observed = new Observed()
    const metrics = collect(observed)
    for (const reason of ['expired', 'made_up', 'toString']) observed.deny(reason)
    expect(samplesIn(metrics, 'jwt_exchange_access_denied_total')).toEqual([
      '{reason="expired"} 1',
      '{reason="other"} 2',
    ])
  })

  it('are bounded, those of the options first, and the others are counted together', () => {
    const observed = new Observed()
    observed.identityProviders = [statsOf('looked-up', { source: 'run_time', state: 'down' }), statsOf('configured')]
    const metrics = collect(observed, { maxIdentityProviders: 1 })
    for (const id of ['looked-up', 'configured']) observed.grant(id)
    expect(samplesIn(metrics, GRANTED)).toEqual(['{identity_provider="configured"} 1', '{identity_provider="other"} 1'])
    expect(samplesIn(metrics, 'jwt_exchange_identity_provider_enabled')).toEqual(['{identity_provider="configured"} 1'])
    expect(samplesIn(metrics, 'jwt_exchange_identity_providers')).toEqual(
      expect.arrayContaining(['{state="down"} 1', '{state="ok"} 1', '{state="stale"} 0']),
    )
  })

  it('are made of an identity provider that is registered later', () => {
    const observed = new Observed()
    const metrics = collect(observed)
    observed.grant('later')
    observed.identityProviders = [statsOf('later', { source: 'run_time' })]
    metrics.text()
    observed.grant('later')
    expect(samplesIn(metrics, GRANTED)).toEqual(['{identity_provider="later"} 1', '{identity_provider="other"} 1'])
  })

  it('look for an id that is not registered once', () => {
    const observed = Object.assign(new Observed(), { identityProviderStats: jest.fn(() => undefined) })
    collect(observed)
    for (let count = 0; count < 5; count += 1) observed.grant('unknown')
    expect(observed.identityProviderStats.mock.calls).toEqual([['unknown']])
    for (let count = 0; count < 2000; count += 1) observed.grant(`unknown-${count}`)
    expect(observed.identityProviderStats).toHaveBeenCalledTimes(1000)
    expect(observed.stats).toHaveBeenCalledTimes(1)
  })
})

describe('two collections of one exchange', () => {
  it('count by themselves, and one goes on when the other is stopped', () => {
    const observed = new Observed('idp')
    const [one, other] = [collect(observed), collect(observed)]
    observed.grant('idp')
    expect(one.text()).toBe(other.text())
    one.stop()
    one.stop()
    observed.grant('idp')
    expect(samplesIn(one, GRANTED)).toEqual(['{identity_provider="idp"} 1'])
    expect(samplesIn(other, GRANTED)).toEqual(['{identity_provider="idp"} 2'])
  })
})

describe('a closed exchange', () => {
  it('still has its metrics', () => {
    const exchange = createJwtExchange({
      issuer: 'https://api.example.com',
      identityProviders: [
        { name: 'https://idp.example.com', allowedSubjects: 'any', jwksUri: 'https://idp.example.com/jwks' },
      ],
      clients: [{ clientId: 'app', clientSecret: 'a secret of the tests' }],
      accessToken: { audience: 'https://api.example.com' },
    })
    exchange.close()
    const metrics = collect(exchange)
    expect(samplesIn(metrics, 'jwt_exchange_key_set_state')).toContain(
      '{state="never",identity_provider="https://idp.example.com"} 1',
    )
    expect(samplesIn(metrics, 'jwt_exchange_config_revision')).toEqual([' 1'])
    metrics.stop()
  })
})
