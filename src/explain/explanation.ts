import { printable } from '../errors/printable.js'
import type { ReasonCode } from '../errors/reason-codes.js'
import type { DecisionRefused } from '../events/exchange-events.js'
import { OAuthError } from '../oauth/errors.js'
import { toRefusal } from '../oauth/refusal.js'

/** What would become of an assertion, without anything becoming of it. */
export interface Explanation {
  /**
   * Whether it would be accepted, as far as that was judged: not whether it was used before, nor, without a `clientId`, what
   * depends on the client, `bindings` included.
   */
  isAccepted: boolean
  /** Of the first step that fails: the `reason` that the event would have. */
  reason?: ReasonCode
  /** In their order. Those that an earlier one left nothing for are skipped. */
  steps: readonly ExplainedStep[]
  /** What would be issued, where it is accepted and a client was named. */
  accessToken?: ExplainedAccessToken
}

/** Texts are printable ASCII, each of at most 200 characters. */
export interface ExplainedStep {
  /** What it is about: `aud`, `signature`, `bindings`, … */
  step: string
  outcome: 'passed' | 'failed' | 'skipped'
  reason?: ReasonCode
  expected: string
  found: string
  /** What it usually means. */
  hint?: string
}

/** What the access token would have. */
export interface ExplainedAccessToken {
  subject: string
  scopes: readonly string[]
  audiences: readonly string[]
  /** Seconds. */
  lifetime: number
  claims: Readonly<Record<string, unknown>>
}

/** As it stands, or by the reason for which the step fails; undefined: it does not. */
export type StepText = string | ((reason: ReasonCode | undefined) => string)

/** What is said of a step, once it is taken. */
export interface StepTexts {
  expected: StepText
  found: StepText
  /** undefined: there is nothing to say. */
  hint?: (reason: ReasonCode) => string | undefined
}

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

  /** Takes a step: what it gives, or undefined where it throws, which is noted. */
  async take<Result>(
    step: string,
    texts: StepTexts,
    act: () => Result | Promise<Result>,
  ): Promise<{ result: Result } | undefined> {
    try {
      const result = await act()
      this.#note(step, 'passed', texts)
      return { result }
    } catch (error) {
      const { event } = toRefusal(error, ({ reason }) => new OAuthError('invalid_grant', '', { reason }))
      const found = foundIn(event, textOf(texts.found, event.reason))
      this.#note(step, 'failed', { ...texts, found }, event.reason)
      return undefined
    }
  }

  /** The same for a step that asks the host: not about claims that nobody has signed. */
  async takeIfSigned<Result>(
    step: string,
    texts: StepTexts,
    act: () => Result | Promise<Result>,
  ): Promise<{ result: Result } | undefined> {
    if (this.hasPassed('signature')) return this.take(step, texts, act)
    const isBad = this.#steps.some((each) => each.step === 'signature' && each.reason === 'bad_signature')
    this.skip(step, { ...texts, found: `not asked: the signature ${isBad ? 'is not good' : 'was not verified'}` })
    return undefined
  }

  skip(step: string, texts: StepTexts): void {
    this.#note(step, 'skipped', texts)
  }

  #note(
    step: string,
    outcome: ExplainedStep['outcome'],
    { expected, found, hint }: StepTexts,
    reason?: ReasonCode,
  ): void {
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

/** Reasons whose message is about a function of the host. */
const WITH_MESSAGE: readonly ReasonCode[] = [
  'refused_by_check',
  'host_function_timed_out',
  'host_function_limit_reached',
]

/** With what a function of the host, or a fetch, said of it. */
function foundIn(event: DecisionRefused, found: string): string {
  const { reason, message, cause } = { message: undefined, cause: undefined, ...event }
  const verdict = WITH_MESSAGE.includes(reason) ? message : undefined
  return [found, verdict, cause].filter((text) => text !== undefined && text !== '').join('; ')
}

function textOf(text: StepText, reason: ReasonCode | undefined): string {
  return typeof text === 'string' ? text : text(reason)
}

/** A NumericDate in words, as seen from now; anything else as it stands. */
export function describeDate(value: unknown, now: number): string {
  if (value === undefined) return 'none'
  if (typeof value !== 'number' || !Number.isFinite(value) || Math.abs(value) > 253_402_300_799) {
    return JSON.stringify(value) ?? 'nothing'
  }
  const seconds = Math.round(value - now)
  const distance = seconds < 0 ? `${-seconds} s ago` : `in ${seconds} s`
  return `${new Date(value * 1000).toISOString()}, ${distance}`
}

/** Characters of what is said of a step: more would be cut. */
const ROOM = 200
const CUT = '...'

/** Several texts in one, the longest of them cut, so that none hides another. */
export function sideBySide(texts: readonly string[], beginning = ''): string {
  const parts = texts.map(printable)
  for (let most = ROOM; most > CUT.length; most -= 1) {
    const joined = `${beginning}${parts.map((part) => cut(part, most)).join('; ')}`
    if (joined.length <= ROOM) return joined
  }
  return beginning
}

function cut(text: string, most: number): string {
  return text.length <= most ? text : `${text.slice(0, most - CUT.length)}${CUT}`
}
