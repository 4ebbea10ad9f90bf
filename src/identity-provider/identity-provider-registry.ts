import { printable } from '../events/printable.js'
import { ConfigError } from '../option-checks/config-error.js'
import { DEFAULT_LIMITS } from './assertion-limits.js'
import type { IdentityProvider } from './identity-provider.js'

export class IdentityProviderRegistry {
  readonly #byName: ReadonlyMap<string, IdentityProvider>
  /** The longest assertion that any of them accepts, in bytes, and at least the usual limit. */
  readonly maxAssertionBytes: number

  constructor(identityProviders: readonly IdentityProvider[]) {
    this.#byName = new Map(identityProviders.map((identityProvider) => [identityProvider.name, identityProvider]))
    this.maxAssertionBytes = Math.max(
      DEFAULT_LIMITS.maxBytes,
      ...identityProviders.map(({ limits }) => limits.maxBytes),
    )
  }

  /** By exact string comparison (RFC 7523 §3, 1): no slash, case or port is forgiven. */
  find(issuer: unknown): IdentityProvider | undefined {
    return typeof issuer === 'string' ? this.#byName.get(issuer) : undefined
  }

  /** @throws ConfigError where there is none of this name */
  registered(name: string): IdentityProvider {
    const identityProvider = this.find(name)
    if (identityProvider !== undefined) return identityProvider
    const wanted = 'the name of a registered identity provider'
    throw new ConfigError([{ path: ['name'], found: JSON.stringify(printable(String(name))), wanted }])
  }

  /** Whether one of this name is registered and switched off. */
  isDisabled(name: string): boolean {
    return this.#byName.get(name)?.trust.isOn === false
  }

  all(): Iterable<IdentityProvider> {
    return this.#byName.values()
  }
}
