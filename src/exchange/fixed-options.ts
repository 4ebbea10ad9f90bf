import type { IdentityProviderSettings } from '../identity-provider/identity-provider-options.js'
import { ConfigError, type ConfigProblem } from '../option-checks/config-error.js'
import type { JwtExchangeSettings } from './options.js'

/** What cannot change under requests: who we are, what was used up, what counts failures, and the clock. */
type Fixed = ReturnType<typeof fixedOf>

/** What other options must leave as it is, because it lasts as long as the exchange. */
export class LastingOptions {
  readonly #fixed: Fixed
  #accessToken: JwtExchangeSettings['accessToken']
  /** Seconds, by names of identity providers, as they were first: used assertions are remembered for that, and a margin. */
  readonly #clockTolerances = new Map<string, number>()

  constructor(settings: JwtExchangeSettings) {
    this.#fixed = fixedOf(settings)
    this.#accessToken = settings.accessToken
    this.#noteTolerances(settings)
  }

  /**
   * Other options, with the signing key that was generated, where none is configured.
   *
   * @throws ConfigError where they change what lasts
   */
  keepIn(settings: JwtExchangeSettings): JwtExchangeSettings {
    const problems = [
      ...this.#fixedProblems(settings),
      ...this.#keyProblems(settings),
      ...this.#toleranceProblems(settings),
    ]
    if (problems.length > 0) throw new ConfigError(problems)
    const { signingKeys } = settings.accessToken.isKeyGenerated ? this.#accessToken : settings.accessToken
    this.#accessToken = { ...settings.accessToken, signingKeys }
    this.#noteTolerances(settings)
    const identityProviders = settings.identityProviders.map((each) => this.#remembering(each))
    return { ...settings, identityProviders, accessToken: this.#accessToken }
  }

  #fixedProblems(settings: JwtExchangeSettings): ConfigProblem[] {
    const now = fixedOf(settings)
    const changed = (Object.keys(now) as (keyof Fixed)[]).filter((name) => now[name] !== this.#fixed[name])
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

function fixedOf({ issuer, tokenEndpoint, replay, clientAuthentication, clock }: JwtExchangeSettings) {
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
