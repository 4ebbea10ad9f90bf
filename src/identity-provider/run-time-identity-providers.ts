import type { IdentityProvider } from './identity-provider.js'
import type { RegistrationsOfIssuer } from './registration.js'

/** What accepts the assertions of one issuer: an identity provider, or its registrations if these have conditions. */
export type AcceptorOfIssuer = IdentityProvider | RegistrationsOfIssuer<IdentityProvider>

/** Who caused a lookup. Strangers have an allowance of their own, so that they cannot use up the one of the clients. */
export type LookupCause = 'client' | 'stranger'

/** Identity providers that are not in the options, but are looked up by their `iss` when an assertion needs them. */
export interface RunTimeIdentityProviders {
  /**
   * Makes sure that `ofIssuer` knows what is registered now.
   *
   * @returns undefined if it knows already
   * @throws DependencyUnavailable `identity_provider_lookup_failed`, `identity_provider_lookup_limit_reached`, or rejects with it
   */
  load(issuer: string, cause: LookupCause): Promise<void> | undefined
  /**
   * undefined if nothing is registered, or nothing was loaded.
   *
   * @throws DependencyUnavailable `invalid_registration`
   */
  ofIssuer(issuer: string): AcceptorOfIssuer | undefined
  /** One that is loaded. */
  find(id: string): IdentityProvider | undefined
  /**
   * Whether it is switched off, even if it is not loaded.
   *
   * @throws DependencyUnavailable `identity_provider_lookup_failed` as long as that is unknown
   */
  isDisabled(id: string): boolean
  /** Those that are loaded. */
  all(): Iterable<IdentityProvider>
}

/** Identity providers that are not in the options, and what they may have. */
export interface ProvidersAtRunTime {
  lookup: RunTimeIdentityProviders
  /** Whether one of them may accept requests without a client. */
  mayBeWithoutClient: boolean
  /** The longest assertion that one of them may accept, in bytes. */
  maxAssertionBytes: number
}
