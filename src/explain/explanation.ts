import type { StepResult } from '../authorization/authorize-assertion.js'
import { printable } from '../errors/printable.js'
import type { ReasonCode } from '../errors/reason-codes.js'
import type { DecisionRefused } from '../events/refusals.js'
import { OAuthError } from '../oauth/errors.js'
import { toRefusal } from '../oauth/refusal.js'

/** Whether an assertion would be accepted. Nothing is issued, and the assertion is not consumed. */
export interface Explanation {
  /**
   * Whether it would be accepted, as far as that was checked. Whether it was used before is not checked. Without a
   * `clientId`, nothing that depends on the client is checked, such as `bindings`.
   */
  isAccepted: boolean
  /** The `reason` of the first step that fails, as the event would report it. */
  reason?: ReasonCode
  /** The steps, in order. A step is skipped or left out if an earlier one left nothing to check. */
  steps: readonly ExplainedStep[]
  /** What would be issued, if the assertion is accepted and a client was named. */
  accessToken?: ExplainedAccessToken
}

/** One step. Each text is printable ASCII of at most 200 characters. */
export interface ExplainedStep {
  /** What it is about: `aud`, `signature`, `bindings`, … */
  step: string
  outcome: 'passed' | 'failed' | 'skipped'
  reason?: ReasonCode
  expected: string
  found: string
  /** What a failure usually means. */
  hint?: string
}

/** What the access token would contain. */
export interface ExplainedAccessToken {
  subject: string
  scopes: readonly string[]
  audiences: readonly string[]
  /** Seconds. */
  lifetime: number
  claims: Readonly<Record<string, unknown>>
}

/** A text, or a function that makes it from the reason for which the step fails; undefined: the step passes. */
export type StepText = string | ((reason: ReasonCode | undefined) => string)

/** The texts of a step, once it is taken. */
export interface StepTexts {
  expected: StepText
  found: StepText
  /** undefined: there is nothing to say. */
  hint?: (reason: ReasonCode) => string | undefined
  /** Whether the step calls a function of the host: it is not taken for claims that nobody has signed. */
  asksHost?: boolean
  /** Whether it is only listed, and not taken. */
  isSkipped?: boolean
}

/** Reasons whose message is about a function of the host. */
const WITH_MESSAGE: readonly ReasonCode[] = [
  'refused_by_check',
  'host_function_timed_out',
  'host_function_limit_reached',
]
/** Thrown by the result of a step that failed or was not taken, and by steps that need it: nothing is noted of these. */
const NOT_TAKEN = new Error('A step that this one needs has failed, or was not taken')

/** Collects steps. */
export class Explainer {
  readonly #steps: ExplainedStep[] = []

  get steps(): readonly ExplainedStep[] {
    return this.#steps
  }

  get firstReason(): ReasonCode | undefined {
    return this.#steps.find(({ outcome }) => outcome === 'failed')?.reason
  }

  hasPassed(step: string): boolean {
    return this.#steps.some((each) => each.step === step && each.outcome === 'passed')
  }

  hasFailed(steps: readonly string[]): boolean {
    return this.#steps.some(({ step, outcome }) => outcome === 'failed' && steps.includes(step))
  }

  /** @param texts undefined: nothing is noted of the step */
  async take<Result>(
    step: string,
    texts: StepTexts | undefined,
    act: () => Result | Promise<Result>,
  ): Promise<StepResult<Result>> {
    if (texts?.isSkipped === true) return this.#skip(step, texts)
    if (texts?.asksHost === true && !this.hasPassed('signature')) return this.#skipUnsigned(step, texts)
    try {
      const result = await act()
      this.#note(step, 'passed', texts)
      return () => result
    } catch (error) {
      if (!isNotTaken(error)) this.#noteFailure(step, texts, error)
      return notTaken
    }
  }

  #skip(step: string, texts: StepTexts): () => never {
    this.#note(step, 'skipped', texts)
    return notTaken
  }

  #skipUnsigned(step: string, texts: StepTexts): () => never {
    const isBad = this.#steps.some((each) => each.step === 'signature' && each.reason === 'bad_signature')
    return this.#skip(step, {
      ...texts,
      found: `not asked: the signature ${isBad ? 'is not good' : 'was not verified'}`,
    })
  }

  #noteFailure(step: string, texts: StepTexts | undefined, error: unknown): void {
    if (texts === undefined) return
    const { event } = toRefusal(error, ({ reason }) => new OAuthError('invalid_grant', '', { reason }))
    const found = foundIn(event, textOf(texts.found, event.reason))
    this.#note(step, 'failed', { ...texts, found }, event.reason)
  }

  #note(step: string, outcome: ExplainedStep['outcome'], texts: StepTexts | undefined, reason?: ReasonCode): void {
    if (texts === undefined) return
    const { expected, found, hint } = texts
    const meant = reason === undefined ? undefined : hint?.(reason)
    this.#steps.push({
      step: printable(step),
      outcome,
      ...(reason !== undefined && { reason }),
      expected: printable(textOf(expected, reason)),
      found: printable(textOf(found, reason)),
      ...(meant !== undefined && { hint: printable(meant) }),
    })
  }
}

function notTaken(): never {
  throw NOT_TAKEN
}

/** What a step gave; undefined if it failed, or was not taken. */
export function resultOf<Result>(step: StepResult<Result>): Result | undefined {
  try {
    return step()
  } catch (error) {
    if (isNotTaken(error)) return undefined
    throw error
  }
}

/** Whether a step was not taken because one that it needs has failed. */
export function isNotTaken(error: unknown): boolean {
  return error === NOT_TAKEN
}

/** With what a function of the host, or a fetch, said of it. */
function foundIn(event: DecisionRefused, found: string): string {
  const { reason, message, cause } = { message: undefined, cause: undefined, ...event }
  const verdict = WITH_MESSAGE.includes(reason) ? message : undefined
  return [found, verdict, cause].filter((text) => text !== undefined && text !== '').join('; ')
}

function textOf(text: StepText, reason: ReasonCode | undefined): string {
  return typeof text === 'string' ? text : text(reason)
}
