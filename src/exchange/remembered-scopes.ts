import type { FormerRegistration } from '../identity-provider/assertion-limits.js'
import type { IdentityProviderSettings } from '../identity-provider/identity-provider-options.js'
import { doOverlap, isSameScope, type RegistrationScope } from '../identity-provider/registration.js'

/** What an identity provider accepted once, now or before. Used assertions are remembered by it. */
interface RememberedScope extends RegistrationScope {
  /** Seconds by which used assertions are remembered beyond their expiry. */
  clockTolerance: number
  /** Seconds, the greatest that it had. */
  maxLifetime: number
  /** Seconds since the epoch, from when on it accepts nothing; undefined: it is in force. */
  endedAt: number | undefined
}

/** Seconds for requests that were under way when it ended, and for rounding. */
const MARGIN = 61

/** The scopes of all identity providers with `replay: 'once'`, as long as the exchange lives. */
export class RememberedScopes {
  readonly #byName = new Map<string, RememberedScope[]>()

  /** These identity providers are in force from now on, in seconds since the epoch. */
  note(identityProviders: readonly IdentityProviderSettings[], now: number): void {
    const inForce = new Set(identityProviders.flatMap((each) => this.#noteOne(each)))
    for (const each of [...this.#byName.values()].flat()) {
      if (!inForce.has(each)) each.endedAt ??= now
    }
  }

  /** Seconds: with more, assertions that were used would be forgotten while they are accepted. Infinite: no limit. */
  maxClockToleranceOf(scope: RegistrationScope): number {
    return Math.min(Number.POSITIVE_INFINITY, ...this.#overlapping(scope).map(({ clockTolerance }) => clockTolerance))
  }

  isInForce(name: string): boolean {
    return this.#byName.get(name)?.some(({ endedAt }) => endedAt === undefined) === true
  }

  /** The same settings, with how long used assertions are remembered, and where others are remembered. */
  complete(settings: IdentityProviderSettings, now: number): IdentityProviderSettings {
    const overlapping = this.#overlapping(settings)
    if (overlapping.length === 0) return settings
    const own = settings.limits.rememberedTolerance ?? 0
    const rememberedTolerance = Math.max(own, ...overlapping.map(({ clockTolerance }) => clockTolerance))
    const former = overlapping.filter((each) => !isSameScope(each, settings)).flatMap((each) => formerOf(each, now))
    if (rememberedTolerance === settings.limits.clockTolerance && former.length === 0) return settings
    const always = settings.limits.former ?? []
    return { ...settings, limits: { ...settings.limits, rememberedTolerance, former: [...always, ...former] } }
  }

  #noteOne({ name, registration, limits }: IdentityProviderSettings): RememberedScope[] {
    if (limits.replay === 'allow') return []
    const { rememberedTolerance: clockTolerance = limits.clockTolerance, maxLifetime } = limits
    const ofName = this.#byName.get(name) ?? []
    const known = ofName.find((each) => isSameScope(each, { name, registration }))
    const scope = known ?? { name, registration, clockTolerance, maxLifetime, endedAt: undefined }
    if (known === undefined) this.#byName.set(name, [...ofName, scope])
    scope.maxLifetime = Math.max(scope.maxLifetime, maxLifetime)
    scope.endedAt = undefined
    return [scope]
  }

  #overlapping(scope: RegistrationScope): readonly RememberedScope[] {
    return (this.#byName.get(scope.name) ?? []).filter((each) => doOverlap(each, scope))
  }
}

/** None if all that it accepted has expired. */
function formerOf({ registration, clockTolerance, maxLifetime, endedAt }: RememberedScope, now: number) {
  const until = (endedAt ?? now) + maxLifetime + clockTolerance + MARGIN
  const former: FormerRegistration = { registration, until }
  return until + clockTolerance < now ? [] : [former]
}
