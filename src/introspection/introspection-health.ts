import type { Clock } from '../clock/clock.js'
import { printable } from '../errors/printable.js'
import type { ExchangeEventEmitter } from '../events/exchange-events.js'
import type { FetchFailure } from '../guarded-fetch/fetch-error.js'

export interface IntrospectionHealthDeps {
  clock: Pick<Clock, 'monotonic'>
  events: ExchangeEventEmitter
}

/** Reports each kind of failure of one endpoint once for each outage, and the end of the outage. */
export class IntrospectionHealth {
  readonly #identityProvider: string
  readonly #endpoint: string
  readonly #deps: IntrospectionHealthDeps
  readonly #reported = new Set<string>()
  #failingSince: number | undefined

  /** @param identityProvider the `id` of the issuer */
  constructor(identityProvider: string, endpoint: URL, deps: IntrospectionHealthDeps) {
    this.#identityProvider = identityProvider
    this.#endpoint = printable(endpoint.href)
    this.#deps = deps
  }

  noteSuccess(): void {
    if (this.#failingSince === undefined) return
    const failedForMs = Math.round(this.#deps.clock.monotonic() - this.#failingSince)
    this.#failingSince = undefined
    this.#reported.clear()
    this.#deps.events.emit('introspection.recovered', { ...this.#owner, failedForMs })
  }

  noteFailure({ reason, code, detail }: FetchFailure): void {
    if (reason === 'closed') return
    this.#failingSince ??= this.#deps.clock.monotonic()
    const kind = `${reason} ${code}`
    if (this.#reported.has(kind)) return
    this.#reported.add(kind)
    this.#deps.events.emit('introspection.failed', {
      ...this.#owner,
      reason,
      ...(code !== undefined && { code }),
      ...(detail !== undefined && { detail }),
    })
  }

  get #owner() {
    return { identityProvider: this.#identityProvider, endpoint: this.#endpoint }
  }
}
