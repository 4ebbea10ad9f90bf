import { setTimeout as pause } from 'node:timers/promises'
import type { FakeIdentityProvider } from '../../src/testing/index.js'
import { APP_CLIENT } from './app-process.js'

const BASIC = `Basic ${Buffer.from(`${APP_CLIENT.clientId}:${APP_CLIENT.clientSecret}`).toString('base64')}`
const GRANT_TYPE = 'urn:ietf:params:oauth:grant-type:jwt-bearer'
/** Milliseconds after which an answer counts as one that never came. */
const MAX_ANSWER_LENGTH = 5000
/** Assertions kept to be sent again later. */
const REMEMBERED = 500
const CONCURRENCY = 3

/** The status of the answer; `no answer` where the connection broke, `hang` where none came. */
export type Outcome = number | 'no answer' | 'hang'

/** Exchanges an assertion over a real connection. */
export async function postAssertion(url: string, assertion: string): Promise<Outcome> {
  try {
    const response = await fetch(`${url}/oauth2/token`, {
      method: 'POST',
      headers: { authorization: BASIC },
      body: new URLSearchParams({ grant_type: GRANT_TYPE, assertion }),
      signal: AbortSignal.timeout(MAX_ANSWER_LENGTH),
    })
    await response.arrayBuffer()
    return response.status
  } catch (error) {
    return (error as Error).name === 'TimeoutError' ? 'hang' : 'no answer'
  }
}

/** What came of a load. */
export interface LoadReport {
  /** How often each outcome came. */
  counts: Readonly<Record<string, number>>
  /** Assertions sent, each of them several times. */
  assertions: number
  /** Assertions that were accepted more than once. */
  acceptedTwice: number
}

interface SentAssertion {
  assertion: string
  /** How often it was accepted. */
  accepted: number
}

/** Sends each assertion to two processes at once, and some old ones again, until it is stopped. */
export class ExchangeLoad {
  readonly #idp: FakeIdentityProvider
  readonly #urls: readonly string[]
  readonly #lifetime: number
  readonly #counts: Record<string, number> = {}
  readonly #old: SentAssertion[] = []
  readonly #loops: Promise<void>[]
  #assertions = 0
  #acceptedTwice = 0
  #isStopped = false

  /**
   * @param urls those of the processes; it may change
   * @param options.lifetime seconds until an assertion expires
   */
  constructor(idp: FakeIdentityProvider, urls: readonly string[], { lifetime = 300 } = {}) {
    this.#idp = idp
    this.#urls = urls
    this.#lifetime = lifetime
    this.#loops = Array.from({ length: CONCURRENCY }, () => this.#loop())
  }

  get report(): LoadReport {
    return { counts: { ...this.#counts }, assertions: this.#assertions, acceptedTwice: this.#acceptedTwice }
  }

  async stop(): Promise<LoadReport> {
    this.#isStopped = true
    await Promise.all(this.#loops)
    return this.report
  }

  async #loop(): Promise<void> {
    while (!this.#isStopped) {
      const exp = Math.floor(Date.now() / 1000) + this.#lifetime
      const sent = { assertion: await this.#idp.issueAssertion({ exp }), accepted: 0 }
      this.#assertions += 1
      await this.#race(sent)
      this.#old[this.#assertions % REMEMBERED] = sent
      const old = this.#old[Math.floor(Math.random() * this.#old.length)]
      if (this.#assertions % 4 === 0 && old !== undefined) await this.#race(old)
      await pause(10)
    }
  }

  async #race(sent: SentAssertion): Promise<void> {
    const first = Math.floor(Math.random() * this.#urls.length)
    const chosen = [this.#urls[first], this.#urls[(first + 1) % this.#urls.length]]
    const outcomes = await Promise.all(chosen.map((url = '') => postAssertion(url, sent.assertion)))
    for (const outcome of outcomes) {
      this.#counts[outcome] = (this.#counts[outcome] ?? 0) + 1
      if (outcome !== 200) continue
      sent.accepted += 1
      if (sent.accepted > 1) this.#acceptedTwice += 1
    }
  }
}

/** How long, in milliseconds, until a fresh assertion is accepted by every one of these processes. */
export async function timeUntilAccepted(idp: FakeIdentityProvider, urls: readonly string[]): Promise<number> {
  const start = performance.now()
  for (const url of urls) {
    while ((await postAssertion(url, await idp.issueAssertion())) !== 200) await pause(20)
  }
  return performance.now() - start
}
