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

  all(): Iterable<IdentityProvider> {
    return this.#byName.values()
  }
}
