import { hash } from 'node:crypto'
import { currentMoment, type Moment } from '../clock/clock.js'
import type { Eventual } from '../clock/when-ready.js'
import { DependencyUnavailable } from '../errors/rejections.js'
import type { ExchangeEventEmitter } from '../events/exchange-events.js'
import { ownMember } from '../jwt/parse-json-object.js'
import { AnswerCache } from './answer-cache.js'
import { type AskEndpointDeps, askEndpoint, type IntrospectionAnswer, isIntrospectionFailed } from './ask-endpoint.js'
import { IntrospectionHealth } from './introspection-health.js'
import type { IntrospectionSettings } from './introspection-options.js'

export interface IntrospectionClientDeps extends AskEndpointDeps {
  events: ExchangeEventEmitter
}

/**
 * What became of the questions about the tokens of one issuer, for operators. The counts begin again when the options change, and
 * with it what is kept of answers.
 */
export interface IntrospectionStats {
  /** Questions that were sent, including those that failed. */
  questions: number
  failedQuestions: number
  /** How often no question was needed, because an answer was known. */
  fromCache: number
  /** Questions that are under way, at most `introspection.maxConcurrent`. */
  running: number
}

/** A question under way, which requests with the same token share. */
interface Question {
  askedAt: Moment
  answer: Promise<IntrospectionAnswer>
}

/** Asks the introspection endpoint of one issuer, and keeps its answers for a while. Failures are not kept. */
export class IntrospectionClient {
  readonly #health: IntrospectionHealth
  readonly #settings: IntrospectionSettings
  readonly #deps: IntrospectionClientDeps
  readonly #cache: AnswerCache
  readonly #questions = new Map<string, Question>()
  #running = 0
  #sent = 0
  #failed = 0
  #fromCache = 0

  /** @param identityProvider the `id` of the issuer */
  constructor(identityProvider: string, settings: IntrospectionSettings, deps: IntrospectionClientDeps) {
    this.#health = new IntrospectionHealth(identityProvider, settings.endpoint, deps)
    this.#settings = settings
    this.#deps = deps
    this.#cache = new AnswerCache(settings, deps.clock)
  }

  /**
   * What the endpoint says of a token: now, or at most `cacheTtl` ago.
   *
   * @param expiresAt if the token itself says when it expires, in seconds since the epoch
   * @throws DependencyUnavailable `introspection_failed`, `introspection_limit_reached`, or rejects with it
   */
  ask(token: string, expiresAt = Number.POSITIVE_INFINITY): Eventual<IntrospectionAnswer> {
    const key = hash('sha256', token, 'base64url')
    const known = this.#cache.find(key)
    if (known !== undefined) {
      this.#fromCache += 1
      return known
    }
    const question = this.#questions.get(key)
    if (question !== undefined && this.#cache.isRecent(question.askedAt)) return question.answer
    if (this.#running >= this.#settings.maxConcurrent) throw new DependencyUnavailable('introspection_limit_reached')
    return this.#send(token, key, expiresAt)
  }

  stats(): IntrospectionStats {
    return {
      questions: this.#sent,
      failedQuestions: this.#failed,
      fromCache: this.#fromCache,
      running: this.#running,
    }
  }

  #send(token: string, key: string, expiresAt: number): Promise<IntrospectionAnswer> {
    const askedAt = currentMoment(this.#deps.clock)
    const answer = this.#request(token).then((received) => {
      this.#cache.add(key, received, askedAt, Math.min(expiresAt, expiryOf(received)))
      return received
    })
    const question = { askedAt, answer }
    this.#questions.set(key, question)
    const forget = () => {
      if (this.#questions.get(key) === question) this.#questions.delete(key)
    }
    answer.then(forget, forget)
    return answer
  }

  async #request(token: string): Promise<IntrospectionAnswer> {
    this.#running += 1
    this.#sent += 1
    try {
      const answer = await askEndpoint(token, this.#settings, this.#deps)
      this.#health.noteSuccess()
      return answer
    } catch (cause) {
      this.#failed += 1
      if (!isIntrospectionFailed(cause)) throw cause
      this.#health.noteFailure(cause.failure)
      const retryAfter = (cause.retryAfter ?? 0) / 1000
      throw new DependencyUnavailable('introspection_failed', { cause, retryAfter })
    } finally {
      this.#running -= 1
    }
  }
}

/** An answer about an active token need not say when it expires. What is not a date never counts later. */
function expiryOf({ claims }: IntrospectionAnswer): number {
  const exp = ownMember(claims, 'exp')
  if (exp === undefined) return Number.POSITIVE_INFINITY
  return typeof exp === 'number' ? exp : Number.NEGATIVE_INFINITY
}
