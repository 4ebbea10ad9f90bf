import { afterAll, beforeAll, expect, it } from '@jest/globals'
import fc from 'fast-check'
import request from 'supertest'
import { type FakeKey, generateFakeKey } from '../../src/testing/index.js'
import { CLIENT_ASSERTION_TYPE, signClientAssertion } from '../support/client-assertions.js'
import { type ClockedHost, startClockedHost } from '../support/clocked-host.js'
import { GRANT_TYPE } from '../support/exchange-host.js'

const MAX_FAILURES = 3
/** Seconds in which one more failure is allowed again. */
const INTERVAL = 200
const SECRET = 'secret-of-all-clients'
const IDS = ['app', 'signer', 'nobody', 'no+body'] as const
const ADDRESSES = ['192.0.2.1', '192.0.2.2'] as const

type Step =
  | { kind: 'wait'; intervals: number }
  | { kind: 'client'; id: (typeof IDS)[number]; way: 'basic' | 'post' | 'assertion'; isRight: boolean; address: string }
  | { kind: 'assertion alone'; address: string }

/** Failures that still count, by who is counted: each is forgotten after an interval. */
class Failures {
  readonly #counts = new Map<string, number>()

  isBlocked(key: string): boolean {
    return this.#of(key) >= MAX_FAILURES
  }

  add(key: string, guesses = 1): void {
    this.#counts.set(key, this.#of(key) + guesses)
  }

  forget(intervals: number): void {
    for (const [key, count] of this.#counts) this.#counts.set(key, Math.max(0, count - intervals))
  }

  #of(key: string): number {
    return this.#counts.get(key) ?? 0
  }
}

/** The status that is due. A success costs nothing, and a request that is not judged does not count. */
function judge(step: Exclude<Step, { kind: 'wait' }>, failures: Failures): number {
  if (step.kind === 'assertion alone') return judgeOne(`alone from ${step.address}`, false, failures, 400)
  // A plus is a space in the reading that is form-encoded: each reading counts for its own id.
  const ids = step.way === 'basic' && step.id.includes('+') ? [step.id.replace('+', ' '), step.id] : [step.id]
  const isRight = step.isRight && step.id === (step.way === 'assertion' ? 'signer' : 'app')
  const statuses = ids.map((id) => judgeOne(`${id} from ${step.address}`, isRight, failures, 401))
  return statuses.includes(200) ? 200 : Math.max(...statuses)
}

function judgeOne(key: string, isRight: boolean, failures: Failures, refusal: number): number {
  if (failures.isBlocked(key)) return 429
  if (!isRight) failures.add(key)
  return isRight ? 200 : refusal
}

/** Mostly one, so that limits are met. */
const address = fc.constantFrom(...ADDRESSES, ADDRESSES[0], ADDRESSES[0])
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('wait' as const), intervals: fc.integer({ min: 1, max: 3 }) }),
  },
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant('client' as const),
      id: fc.constantFrom(...IDS, 'no+body'),
      way: fc.constantFrom('basic', 'post', 'assertion'),
      isRight: fc.boolean(),
      address,
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('assertion alone' as const), address }) },
)

let host: ClockedHost
let keyOfSigner: FakeKey
let keyOfNobody: FakeKey
beforeAll(async () => {
  keyOfSigner = await generateFakeKey('ES256')
  keyOfNobody = await generateFakeKey('ES256')
  host = await startClockedHost({
    identityProvider: { clientAuthentication: 'optional', scopes: ['openid'] },
    before: (app) => app.set('trust proxy', true),
    exchange: {
      clients: [
        { clientId: 'app', clientSecret: SECRET },
        { clientId: 'signer', jwks: { keys: [keyOfSigner.publicJwk] } },
      ],
      clientAuthentication: { maxFailures: MAX_FAILURES, failureWindow: MAX_FAILURES * INTERVAL },
    },
  })
})
afterAll(() => host.close())

async function send(step: Exclude<Step, { kind: 'wait' }>): Promise<number> {
  const isAlone = step.kind === 'assertion alone'
  const form = new URLSearchParams({ grant_type: GRANT_TYPE, assertion: isAlone ? 'no JWT' : await host.assertion() })
  const sent = request(host.url).post('/oauth2/token').type('form').set('X-Forwarded-For', step.address)
  if (!isAlone) {
    const { id, way, isRight } = step
    const secret = isRight ? SECRET : 'a wrong secret'
    if (way === 'basic') sent.set('Authorization', `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}`)
    else form.set('client_id', id)
    if (way === 'post') form.set('client_secret', secret)
    if (way === 'assertion') {
      form.set('client_assertion', await signClientAssertion(host, isRight ? keyOfSigner : keyOfNobody, id))
      form.set('client_assertion_type', CLIENT_ASSERTION_TYPE)
    }
  }
  const { status } = await sent.send(form.toString())
  return status
}

it('failures of all methods count together, for each client id and address, and nothing else does', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 25, size: 'max' }), async (steps) => {
      host.clock.advance(10 * MAX_FAILURES * INTERVAL) // Nothing of an earlier run counts any longer.
      const failures = new Failures()
      for (const each of steps) {
        if (each.kind === 'wait') {
          host.clock.advance(each.intervals * INTERVAL)
          failures.forget(each.intervals)
        } else {
          expect([each, await send(each)]).toEqual([each, judge(each, failures)])
        }
      }
    }),
    { numRuns: 60 },
  )
})
