import { printable } from '../errors/printable.js'
import { TokenRejected } from '../errors/rejections.js'
import { normaliseType, type UnverifiedHeader } from '../jwt/parse-jwt.js'
import { ConfigError } from '../option-checks/config-error.js'
import { DEFAULT_LIMITS } from './assertion-limits.js'
import type { IdentityProvider, TrustSwitch } from './identity-provider.js'
import type { IdentityProviderSettings } from './identity-provider-options.js'

/** The identity providers of one configuration. */
export class IdentityProviderRegistry {
  readonly #byName: ReadonlyMap<string, IdentityProvider>
  readonly #trustSwitches: Map<string, TrustSwitch>
  /** The longest assertion that any of them accepts, in bytes; at least the default limit. */
  readonly maxAssertionBytes: number
  readonly #algorithms: ReadonlySet<string>
  readonly #types: ReadonlySet<string>
  /** Whether each identity provider gets a share of the replay store: if several have `replay: 'once'`. */
  readonly haveShares: boolean
  /** Whether one of them accepts requests without a client. */
  readonly mayBeWithoutClient: boolean

  /** @param trustSwitches by name, also of identity providers that were registered before */
  constructor(identityProviders: readonly IdentityProvider[], trustSwitches = new Map<string, TrustSwitch>()) {
    this.#trustSwitches = trustSwitches
    this.#byName = new Map(identityProviders.map((identityProvider) => [identityProvider.name, identityProvider]))
    this.haveShares = identityProviders.filter(({ limits }) => limits.replay === 'once').length > 1
    this.mayBeWithoutClient = identityProviders.some(({ clientAuthentication }) => clientAuthentication === 'optional')
    this.#algorithms = unionOf(identityProviders.map(({ limits }) => limits.algorithms))
    this.#types = unionOf(identityProviders.map(({ types }) => types))
    this.maxAssertionBytes = Math.max(
      DEFAULT_LIMITS.maxBytes,
      ...identityProviders.map(({ limits }) => limits.maxBytes),
    )
  }

  /**
   * Sets the switches as the options say, and adds new ones. Removes none, because requests may be running and access tokens
   * may still be in use.
   */
  putInForce(settings: readonly IdentityProviderSettings[]): void {
    for (const { name, enabled } of settings) {
      const trust = this.#byName.get(name)?.trust
      if (trust === undefined) continue
      trust.configure(enabled)
      this.#trustSwitches.set(name, trust)
    }
  }

  /**
   * Refuses a header that no identity provider accepts.
   *
   * @throws TokenRejected `algorithm_not_allowed`, `type_not_allowed`
   */
  checkHeader({ alg, typ }: UnverifiedHeader): void {
    if (!this.#algorithms.has(alg)) throw new TokenRejected('algorithm_not_allowed')
    if (typ !== undefined && !this.#types.has(normaliseType(typ))) throw new TokenRejected('type_not_allowed')
  }

  /** By exact string comparison (RFC 7523 §3, 1): no slash, case or port is forgiven. */
  find(issuer: unknown): IdentityProvider | undefined {
    return typeof issuer === 'string' ? this.#byName.get(issuer) : undefined
  }

  /** @throws ConfigError if no identity provider has this name */
  require(name: string): IdentityProvider {
    return this.find(name) ?? refuseName(name)
  }

  /**
   * The switch of an identity provider that is or was registered, because its access tokens may still be in use.
   *
   * @throws ConfigError if there never was one of this name
   */
  requireTrustSwitch(name: string): TrustSwitch {
    return this.#trustSwitches.get(name) ?? refuseName(name)
  }

  /** Whether one of this name is switched off, even if it is no longer registered. */
  isDisabled(name: string): boolean {
    return this.#trustSwitches.get(name)?.isOn === false
  }

  all(): Iterable<IdentityProvider> {
    return this.#byName.values()
  }
}

/** Most identity providers share one set, so each set is read once. */
function unionOf(sets: readonly ReadonlySet<string>[]): ReadonlySet<string> {
  return new Set([...new Set(sets)].flatMap((each) => [...each]))
}

function refuseName(name: string): never {
  const message = `got "${printable(String(name))}"; expected the \`name\` of a registered identity provider`
  throw new ConfigError([{ code: 'invalid', path: ['name'], message }])
}
