import type { Clock } from '../clock/clock.js'
import type { IdentityProviderSettings } from '../identity-provider/identity-provider-options.js'
import type { IdentityProviderStore } from '../identity-provider-store/identity-provider-store.js'
import { type OptionPath, type OptionProblem, option } from '../option-checks/config-error.js'
import { throwProblemsOf } from '../option-checks/findings.js'
import type { ReplayStore } from '../replay/replay-store.js'
import type { RevocationSettings } from '../revocation/revocation-options.js'
import type { CompleteSettings, JwtExchangeSettings } from './options.js'
import { RememberedScopes } from './remembered-scopes.js'

/** Options by which requests under way are judged, or what was remembered of earlier ones: who we are, and what counts. */
interface FixedValues {
  issuer: string
  tokenEndpoint: string
  'replay.store': ReplayStore | undefined
  'replay.timeout': number
  'replay.maxEntries': number
  'revocation.mode': boolean
  'revocation.store': RevocationSettings['store']
  'revocation.pollInterval': number
  'revocation.maxStale': number
  'revocation.timeout': number
  'revocation.maxEntries': number
  'clientAuthentication.maxFailures': number
  'clientAuthentication.failureWindow': number
  identityProviderStore: IdentityProviderStore | undefined
  /** Whether there is one: the function itself may change. */
  findIdentityProvider: boolean
  clock: Clock
}

/** The options that cannot change while the exchange lives, and what follows from that for other options. */
export class FixedOptions {
  readonly #values: FixedValues
  /** In force now. */
  #accessToken: CompleteSettings['accessToken']
  /** Seconds for which used assertions of identity providers that are looked up are remembered beyond their expiry. */
  readonly #toleranceAtRunTime: number
  readonly #remembered = new RememberedScopes()

  constructor(settings: CompleteSettings) {
    this.#values = fixedValuesOf(settings)
    this.#accessToken = settings.accessToken
    this.#toleranceAtRunTime = settings.identityProviderContext.limits.clockTolerance
  }

  /**
   * Completes other settings by what is kept: a generated signing key, and how long used assertions are remembered.
   *
   * @param options that were read, for the locations of problems
   * @throws ConfigError if they change what is fixed
   */
  complete(settings: JwtExchangeSettings, options: unknown): CompleteSettings {
    throwProblemsOf(options, [
      ...this.#fixedProblems(settings),
      ...this.#keyProblems(settings),
      ...this.#toleranceProblems(settings),
    ])
    const isKeyGenerated = settings.accessToken.signingKeys === undefined
    const signingKeys = settings.accessToken.signingKeys ?? this.#accessToken.signingKeys
    const now = settings.clock.now()
    const identityProviders = settings.identityProviders.map((each) =>
      this.#remembered.complete(settings.identityProviderLookup === undefined ? each : this.#asAtRunTime(each), now),
    )
    const identityProviderContext = {
      ...settings.identityProviderContext,
      rememberedTolerance: this.#toleranceAtRunTime,
    }
    const accessToken = { ...settings.accessToken, signingKeys, isKeyGenerated }
    return { ...settings, identityProviders, identityProviderContext, accessToken }
  }

  /** It may be looked up later, and accept the same assertions. */
  #asAtRunTime(settings: IdentityProviderSettings): IdentityProviderSettings {
    const { clockTolerance, rememberedTolerance = clockTolerance } = settings.limits
    const longest = Math.max(this.#toleranceAtRunTime, rememberedTolerance)
    return { ...settings, limits: { ...settings.limits, rememberedTolerance: longest } }
  }

  /** These settings are in force now, in seconds since the epoch. */
  note(settings: CompleteSettings, now: number): void {
    this.#accessToken = settings.accessToken
    this.#remembered.note(settings.identityProviders, now)
  }

  #fixedProblems(settings: JwtExchangeSettings): OptionProblem[] {
    const now = fixedValuesOf(settings)
    const changed = (Object.keys(now) as (keyof FixedValues)[]).filter((name) => now[name] !== this.#values[name])
    // Its default follows the issuer.
    const own = changed.filter((name) => name !== 'tokenEndpoint' || !changed.includes('issuer'))
    return own.map((name) => problemAt(name.split('.'), 'cannot change while the exchange runs; restart the process'))
  }

  /** Another generated key would end all access tokens. */
  #keyProblems({ accessToken }: JwtExchangeSettings): OptionProblem[] {
    if (accessToken.signingKeys !== undefined) return []
    if (!this.#accessToken.isKeyGenerated) {
      const why = 'because a generated key would end all access tokens'
      return [problemAt(['accessToken', 'signingKeys'], `missing; configure signing keys as before, ${why}`)]
    }
    const [now, before] = [accessToken.algorithm, this.#accessToken.signingKeys.active.algorithm]
    if (now === before) return []
    const toDo = `keep ${option('algorithm', before)}, for which the signing key was generated, or restart the process`
    return [problemAt(['accessToken', 'algorithm'], `got ${now}; ${toDo}`)]
  }

  /** An assertion would be forgotten before it expires, and could be used again. */
  #toleranceProblems(settings: JwtExchangeSettings): OptionProblem[] {
    const { identityProviders, identityProviderContext, identityProviderLookup } = settings
    const { clockTolerance: now } = identityProviderContext.limits
    const maxAtRunTime = identityProviderLookup === undefined ? Number.POSITIVE_INFINITY : this.#toleranceAtRunTime
    const atRunTime = now <= maxAtRunTime ? [] : [tooTolerant(['assertion', 'clockTolerance'], now, maxAtRunTime)]
    const ofOptions = identityProviders.flatMap((each) => {
      const { clockTolerance, replay } = each.limits
      // If no entry has its name now, it may be one that was looked up.
      const maxOfOthers = this.#remembered.isInForce(each.name) ? Number.POSITIVE_INFINITY : maxAtRunTime
      const before = Math.min(this.#remembered.maxClockToleranceOf(each), maxOfOthers)
      if (replay === 'allow' || clockTolerance <= before) return []
      return [tooTolerant(['identityProviders', each.index, 'clockTolerance'], clockTolerance, before)]
    })
    return [...atRunTime, ...ofOptions]
  }
}

function tooTolerant(path: OptionPath, clockTolerance: number, before: number): OptionProblem {
  const why = 'because used assertions are remembered for that long; for more, restart the process'
  return problemAt(path, `got ${clockTolerance}; expected at most ${before}, as at the start, ${why}`)
}

function problemAt(path: OptionPath, text: string): OptionProblem {
  return { code: 'fixed', path, table: path.slice(0, -1), text }
}

function fixedValuesOf(settings: JwtExchangeSettings): FixedValues {
  const { issuer, tokenEndpoint, replay, revocation, clientAuthentication, clock, identityProviderLookup } = settings
  return {
    issuer,
    tokenEndpoint,
    'replay.store': replay.store,
    'replay.timeout': replay.timeout,
    'replay.maxEntries': replay.maxEntries,
    'revocation.mode': revocation.isOn,
    'revocation.store': revocation.store,
    'revocation.pollInterval': revocation.pollInterval,
    'revocation.maxStale': revocation.maxStale,
    'revocation.timeout': revocation.timeout,
    'revocation.maxEntries': revocation.maxEntries,
    'clientAuthentication.maxFailures': clientAuthentication.maxFailures,
    'clientAuthentication.failureWindow': clientAuthentication.failureWindow,
    identityProviderStore: identityProviderLookup?.store,
    findIdentityProvider: identityProviderLookup?.find !== undefined,
    clock,
  }
}
