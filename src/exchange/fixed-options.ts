import type { Clock } from '../clock/clock.js'
import type { IdentityProviderSettings } from '../identity-provider/identity-provider-options.js'
import { ConfigError, type ConfigProblem } from '../option-checks/config-error.js'
import type { ReplayStore } from '../replay/replay-store.js'
import type { JwtExchangeSettings } from './options.js'

/** Options by which requests under way are judged, or what was remembered of earlier ones: who we are, and what counts. */
interface FixedValues {
  issuer: string
  tokenEndpoint: string
  'replay.store': ReplayStore | undefined
  'replay.timeout': number
  'replay.maxEntries': number
  'clientAuthentication.maxFailures': number
  'clientAuthentication.failureWindow': number
  clock: Clock
}

/** The options that cannot change while the exchange lives, and what follows from that for other options. */
export class FixedOptions {
  readonly #values: FixedValues
  /** In force now. */
  #accessToken: JwtExchangeSettings['accessToken']
  /** Seconds, by names of identity providers, as they were first: for so long used assertions are remembered. */
  readonly #clockTolerances = new Map<string, number>()

  constructor(settings: JwtExchangeSettings) {
    this.#values = fixedValuesOf(settings)
    this.#accessToken = settings.accessToken
    this.#noteTolerances(settings)
  }

  /**
   * Completes other options by what is kept: a generated signing key, and how long used assertions are remembered.
   *
   * @throws ConfigError if they change what is fixed
   */
  complete(settings: JwtExchangeSettings): JwtExchangeSettings {
    const problems = [
      ...this.#fixedProblems(settings),
      ...this.#keyProblems(settings),
      ...this.#toleranceProblems(settings),
    ]
    if (problems.length > 0) throw new ConfigError(problems)
    const { signingKeys } = settings.accessToken.isKeyGenerated ? this.#accessToken : settings.accessToken
    const identityProviders = settings.identityProviders.map((each) => this.#remembering(each))
    return { ...settings, identityProviders, accessToken: { ...settings.accessToken, signingKeys } }
  }

  /** These options are in force now. */
  note(settings: JwtExchangeSettings): void {
    this.#accessToken = settings.accessToken
    this.#noteTolerances(settings)
  }

  #fixedProblems(settings: JwtExchangeSettings): ConfigProblem[] {
    const now = fixedValuesOf(settings)
    const changed = (Object.keys(now) as (keyof FixedValues)[]).filter((name) => now[name] !== this.#values[name])
    const wanted = 'the same as before: this takes a restart'
    return changed.map((name) => ({ path: name.split('.'), found: 'another one', wanted }))
  }

  /** Another generated key would end all access tokens. */
  #keyProblems({ accessToken }: JwtExchangeSettings): ConfigProblem[] {
    if (!accessToken.isKeyGenerated) return []
    if (!this.#accessToken.isKeyGenerated) {
      const wanted = 'signing keys, as before: a generated one would end all access tokens'
      return [{ path: ['accessToken', 'signingKeys'], found: 'none', wanted }]
    }
    const [found, before] = [accessToken, this.#accessToken].map(({ signingKeys }) => signingKeys.active.algorithm)
    if (found === before) return []
    const wanted = `${before}, as before: the key was generated for it, and this takes a restart`
    return [{ path: ['accessToken', 'algorithm'], found: String(found), wanted }]
  }

  /** An assertion would be forgotten before it expires, and could be used once more. */
  #toleranceProblems({ identityProviders }: JwtExchangeSettings): ConfigProblem[] {
    return identityProviders.flatMap(({ name, limits: { clockTolerance, replay } }, index) => {
      const before = this.#clockTolerances.get(name) ?? clockTolerance
      if (replay === 'allow' || clockTolerance <= before) return []
      const wanted = `at most ${before}, as at the start: used assertions are remembered for that, and more takes a restart`
      return [{ path: ['identityProviders', index, 'clockTolerance'], found: String(clockTolerance), wanted }]
    })
  }

  /** Used assertions for as long as before: its clock tolerance may be that again. */
  #remembering(settings: IdentityProviderSettings): IdentityProviderSettings {
    const { name, limits } = settings
    const rememberedTolerance = this.#clockTolerances.get(name) ?? limits.clockTolerance
    return rememberedTolerance === limits.clockTolerance
      ? settings
      : { ...settings, limits: { ...limits, rememberedTolerance } }
  }

  #noteTolerances({ identityProviders }: JwtExchangeSettings): void {
    for (const { name, limits } of identityProviders) {
      if (limits.replay === 'once' && !this.#clockTolerances.has(name))
        this.#clockTolerances.set(name, limits.clockTolerance)
    }
  }
}

function fixedValuesOf(settings: JwtExchangeSettings): FixedValues {
  const { issuer, tokenEndpoint, replay, clientAuthentication, clock } = settings
  return {
    issuer,
    tokenEndpoint,
    'replay.store': replay.store,
    'replay.timeout': replay.timeout,
    'replay.maxEntries': replay.maxEntries,
    'clientAuthentication.maxFailures': clientAuthentication.maxFailures,
    'clientAuthentication.failureWindow': clientAuthentication.failureWindow,
    clock,
  }
}
