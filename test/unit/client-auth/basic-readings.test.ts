import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import type { Client } from '../../../src/client-auth/client-options.js'
import { digestSecret } from '../../../src/client-auth/client-secret.js'
import { CLIENT_SECRET_BASIC, presentedSecrets } from '../../../src/client-auth/client-secret-methods.js'
import { FailureLimiter } from '../../../src/client-auth/failure-limiter.js'
import { isOAuthError } from '../../../src/oauth/errors.js'
import type { TokenRequest } from '../../../src/oauth/token-request.js'
import { AdjustableClock } from '../../support/adjustable-clock.js'

type Pair = readonly [clientId: string, clientSecret: string]

const formEncode = (text: string) => new URLSearchParams({ v: text }).toString().slice(2)
const encoded = ([id, secret]: Pair): Pair => [formEncode(id), formEncode(secret)]
const percentEncoded = ([id, secret]: Pair): Pair => [encodeURIComponent(id), encodeURIComponent(secret)]

function clientOf([clientId, secret]: Pair): Client {
  const credential = { kind: 'secret' as const, digest: digestSecret(secret) }
  const ofEverything = {
    scopes: [],
    lifetime: undefined,
    identityProviders: undefined,
    resources: undefined,
    grantTypes: undefined,
  }
  return { clientId, credential, ...ofEverything }
}

function requestOf([id, secret]: Pair, { clientId, remoteAddress = '192.0.2.1' }: Sending = {}): TokenRequest {
  return {
    one: (name) => (name === 'client_id' ? clientId : undefined),
    all: () => [],
    repeated: [],
    authorization: `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}`,
    clientAssertion: undefined,
    dpopProofs: [],
    clientCertificate: undefined,
    peerAddress: undefined,
    header: () => [],
    remoteAddress,
  }
}

interface Sending {
  clientId?: string | undefined
  remoteAddress?: string
}

function setUp(clients: readonly Pair[], maxFailures = 1_000_000) {
  const clock = new AdjustableClock()
  const failureLimiter = new FailureLimiter({ maxFailures, failureWindow: 600 }, clock)
  const byId = new Map(clients.map((pair) => [pair[0], clientOf(pair)]))
  const lookedUp: string[] = []
  const findClient = async (clientId: string) => {
    lookedUp.push(clientId)
    return byId.get(clientId)
  }
  /** The id of the client, or why there is none. */
  const send = async (pair: Pair, sending: Sending = {}) => {
    try {
      const deps = { findClient, failureLimiter }
      return `is ${(await CLIENT_SECRET_BASIC.authenticate(requestOf(pair, sending), deps)).clientId}`
    } catch (error) {
      if (isOAuthError(error)) return error.reason
      throw error
    }
  }
  return { clock, failureLimiter, lookedUp, send }
}

/** Few characters, so that one text is often a reading of another one. */
const secret = fc.oneof(
  fc.string({ unit: fc.constantFrom('a', ' ', '+', '%', '2', 'B', '5', ':', 'é'), minLength: 1, maxLength: 12 }),
  fc.string({ unit: 'grapheme', minLength: 1, maxLength: 20 }),
)
const visible = fc.string({ unit: 'grapheme-ascii', minLength: 1, maxLength: 20 })
const id = fc.oneof(
  fc.string({ unit: fc.constantFrom('a', ' ', '+', '%', '2', 'B', '5', ':'), minLength: 1, maxLength: 8 }),
  visible,
)

describe('any id and secret', () => {
  it('authenticate exactly their client, form-encoded, percent-encoded or raw', async () => {
    await fc.assert(
      fc.asyncProperty(id, secret, async (clientId, clientSecret) => {
        const pair: Pair = [clientId, clientSecret]
        const { send } = setUp([pair])
        expect(await send(encoded(pair))).toBe(`is ${clientId}`)
        expect(await send(percentEncoded(pair))).toBe(`is ${clientId}`)
        // A raw id ends at the first colon (RFC 7617 §2).
        if (!clientId.includes(':')) expect(await send(pair)).toBe(`is ${clientId}`)
      }),
      { numRuns: 1000 },
    )
  })

  it('never authenticate another client, even one whose id and secret are readings of them', async () => {
    const chosen = fc.record({ pair: fc.tuple(id, secret), other: fc.tuple(id, secret), isCrafted: fc.boolean() })
    await fc.assert(
      fc.asyncProperty(chosen, fc.nat(3), async ({ pair, other, isCrafted }, crafting) => {
        const crafted = [encoded(pair), percentEncoded(pair), [formEncode(pair[0]), pair[1]], decoded(pair)][crafting]
        const neighbour: Pair = isCrafted && crafted !== undefined ? (crafted as Pair) : other
        fc.pre(neighbour[0] !== pair[0])
        const { send } = setUp([pair, neighbour])
        const forms = [encoded(pair), percentEncoded(pair), ...(pair[0].includes(':') ? [] : [pair])]
        for (const form of forms) expect([`is ${pair[0]}`, 'ambiguous_credentials']).toContain(await send(form))
      }),
      { numRuns: 2000 },
    )
  })

  it('authenticate nobody with another secret', async () => {
    await fc.assert(
      fc.asyncProperty(id, secret, secret, async (clientId, clientSecret, guess) => {
        const readings = [guess, decodedText(guess)]
        fc.pre(!readings.includes(clientSecret))
        const { send } = setUp([[clientId, clientSecret]])
        expect(await send([clientId, guess])).not.toMatch(/^is /)
        expect(await send([formEncode(clientId), guess])).not.toMatch(/^is /)
      }),
      { numRuns: 1000 },
    )
  })
})

function decodedText(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '))
  } catch {
    return text
  }
}

function decoded([clientId, clientSecret]: Pair): Pair {
  return [decodedText(clientId), decodedText(clientSecret)]
}

describe('a header that is right for two clients', () => {
  const SECRET = 'one secret of two clients'
  const clients: Pair[] = [
    ['a b', SECRET],
    ['a+b', SECRET],
  ]

  it('authenticates neither of them', async () => {
    const { send } = setUp(clients)
    expect(await send(['a+b', SECRET])).toBe('ambiguous_credentials')
  })

  it('authenticates the one that client_id names', async () => {
    const { send } = setUp(clients)
    expect(await send(['a+b', SECRET], { clientId: 'a b' })).toBe('is a b')
    expect(await send(['a+b', SECRET], { clientId: 'a+b' })).toBe('is a+b')
    expect(await send(['a+b', SECRET], { clientId: 'a' })).toBe('client_id_mismatch')
  })

  it('authenticates the one whose secret it has', async () => {
    const { send } = setUp([
      ['a b', 'the secret of the first'],
      ['a+b', 'the secret of the second'],
    ])
    expect(await send(['a+b', 'the secret of the first'])).toBe('is a b')
    expect(await send(['a+b', 'the+secret+of+the+first'])).toBe('is a b')
    expect(await send(['a+b', 'the secret of the second'])).toBe('is a+b')
    expect(await send(['a%2Bb', 'the+secret+of+the+second'])).toBe('is a+b')
    expect(await send(['a+b', 'the+secret+of+the+second'])).toBe('wrong_client_secret')
    expect(await send(['a%2Bb', 'the secret of the first'])).toBe('wrong_client_secret')
  })
})

describe('the work for a header', () => {
  it('is one look-up for each id that it may mean, whoever exists and whatever is right', async () => {
    const known: Pair[] = [
      ['app', 'a%20b+c of the tests'],
      ['a+b', 'another one of the tests'],
    ]
    const rows: [Pair, number][] = [
      [['app', 'a%20b+c of the tests'], 1],
      [['app', 'a%2520b%2Bc+of+the+tests'], 1],
      [['app', '100%'], 1],
      [['nobody', 'plain'], 1],
      [['nobody', '100%+%20'], 1],
      [['a+b', 'another one of the tests'], 2],
      [['a%2Bb', 'another+one+of+the+tests'], 2],
      [['a%2Bc', 'another+one+of+the+tests'], 2],
      [['x+y', 'plain'], 2],
      [['x%', 'plain'], 1],
    ]
    for (const [pair, times] of rows) {
      const { send, lookedUp } = setUp(known)
      await send(pair)
      expect([pair, lookedUp.length]).toEqual([pair, times])
    }
  })
})

describe('the failures that a header counts', () => {
  const SECRET = 'the right one of the tests'

  /** How many of these attempts are judged before the limit refuses them. */
  async function judgedOf(attempt: (n: number) => Pair, maxFailures = 12) {
    const { send } = setUp([['app', SECRET]], maxFailures)
    let judged = 0
    while (judged < 100 && (await send(attempt(judged))) !== 'too_many_client_failures') judged += 1
    return judged
  }

  it('are one for each secret that it tries', async () => {
    expect(await judgedOf((n) => ['app', `guess-${n}`])).toBe(12)
    expect(await judgedOf((n) => ['app', `guess%20${n}`])).toBe(6)
    expect(await judgedOf((n) => ['app', `guess+${n}`])).toBe(6)
    expect(await judgedOf((n) => ['app', `guess%${n}`], 11)).toBeLessThanOrEqual(11)
  })

  it('are those of the client, however its id is spelled', async () => {
    const spellings = ['app', '%61pp', 'a%70p', 'ap%70', '%61%70p', '%61p%70', 'a%70%70', '%61%70%70']
    expect(await judgedOf((n) => [spellings[n % spellings.length] ?? '', `guess-${n}`])).toBe(12)
    const { send } = setUp([['app', SECRET]], 1)
    expect(await send(['app', 'guess'])).toBe('wrong_client_secret')
    for (const spelling of spellings) expect(await send([spelling, SECRET])).toBe('too_many_client_failures')
  })

  it('give no further guess while those that were too many are made up for', async () => {
    const { send, clock } = setUp([['app', SECRET]], 1)
    expect(await send(['app', 'guess%20'])).toBe('wrong_client_secret')
    clock.advance(600)
    expect(await send(['app', SECRET])).toBe('too_many_client_failures')
    clock.advance(600)
    expect(await send(['app', SECRET])).toBe('is app')
  })

  it('do not keep a client out whose id is another reading', async () => {
    const { send } = setUp([['a b', SECRET]], 1)
    expect(await send(['a%2Bb', 'guess'])).toBe('unknown_client')
    expect(await send(['a+b', SECRET])).toBe('is a b')
    expect(await send(['a+b', 'guess'])).toBe('too_many_client_failures')
    expect(await send(['a+b', SECRET])).toBe('too_many_client_failures')
  })

  it('are none for a right secret, however often it comes and in whichever form', async () => {
    const pair: Pair = ['a+b', 'a%secret+of the tests']
    const { send } = setUp([pair], 1)
    for (let count = 0; count < 5; count += 1) {
      for (const form of [pair, encoded(pair)]) expect(await send(form)).toBe('is a+b')
    }
  })

  it('count for all attempts in parallel', async () => {
    const { send } = setUp([['app', SECRET]], 3)
    const reasons = await Promise.all(Array.from({ length: 6 }, (_, n) => send(['app', `guess%20${n}`])))
    expect(reasons.filter((reason) => reason === 'wrong_client_secret')).toHaveLength(2)
    expect(await send(['app', SECRET])).toBe('too_many_client_failures')
  })
})

describe('an event', () => {
  it('shows a secret in neither of its readings', () => {
    expect(presentedSecrets(requestOf(['app', 'a%2Bb+c']))).toEqual(['a+b c', 'a%2Bb+c'])
  })
})
