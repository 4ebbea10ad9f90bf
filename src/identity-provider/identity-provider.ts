import { TokenRejected } from '../errors/rejections.js'
import type { ExchangeEventEmitter } from '../events/exchange-events.js'
import type { IntrospectionSettings } from '../introspection/introspection-options.js'
import type { Policy } from '../policy/policy.js'
import type { ScopeClaim } from '../policy/scope-claim.js'
import type { MapSubject } from '../policy/subject-mapping.js'
import type { VerificationKeySource } from '../verification-keys/key-source.js'
import type { AssertionLimits } from './assertion-limits.js'
import type { RegistrationScope } from './registration.js'

/** A party whose assertions are accepted. */
export interface IdentityProvider extends RegistrationScope {
  /** What identifies it everywhere: the option `id`, or its name. */
  id: string
  /** Whether it is in the options, or was looked up at run time. */
  source: 'options' | 'run_time'
  /** Its `iss`, compared exactly. */
  name: string
  /** The `aud` that it must put into its assertions: who we are to it. */
  alias: string
  /** All accepted values of `aud`: the alias and the option `audiences`. */
  audiences: ReadonlySet<string>
  /** Whether it is trusted now. It can be switched off and on at run time. */
  trust: TrustSwitch
  /** Whether only clients may present its assertions to the token endpoint. */
  clientAuthentication: 'required' | 'optional'
  /** The scopes that its assertions may obtain; undefined: no limit. */
  scopes: ReadonlySet<string> | undefined
  /** The longest lifetime of access tokens for its assertions, in seconds; undefined: no limit of its own. */
  lifetime: number | undefined
  /** Seconds by which an access token may outlive its assertion; undefined: no limit. */
  maxBeyondAssertion: number | undefined
  /** All accepted values of `typ`, in lower case and without `application/`. An absent `typ` is always accepted. */
  types: ReadonlySet<string>
  limits: AssertionLimits
  policy: Policy
  /** Makes the `sub` of its access tokens. */
  mapSubject: MapSubject
  keySource: VerificationKeySource
  /** Which of its access tokens routes accept; undefined: none. */
  accessTokens: AcceptedAccessTokens | undefined
  /** Present if the name is a template for any tenant: the identity provider that a tenant is. */
  ofTenant: ((tenant: string) => IdentityProvider) | undefined
}

/** The access tokens of one identity provider that routes accept. */
export interface AcceptedAccessTokens {
  /** The same identity provider, with what its access tokens must satisfy instead of its assertions. */
  issuer: IdentityProvider
  /** Whether a token may have no `typ`. */
  mayLackType: boolean
  scopeClaims: readonly ScopeClaim[]
  /** Names of claims that ID tokens do not have. */
  accessTokenClaims: readonly string[]
  /** Where the issuer is asked about its tokens; undefined: it is not asked. */
  introspection: IntrospectionSettings | undefined
  /** Whether the answer of the issuer alone says what a token is. */
  isOpaque: boolean
}

/**
 * Whether one identity provider is trusted now. It outlives a change of the options. Switching it off also affects running
 * requests, and a change of the options does not switch it on again.
 */
export class TrustSwitch {
  #isOn = true
  #isOffAtRunTime = false

  get isOn(): boolean {
    return this.#isOn
  }

  get isOffAtRunTime(): boolean {
    return this.#isOffAtRunTime
  }

  /** Sets the value of the options. `true` has no effect if the switch was turned off at run time. */
  configure(enabled: boolean): void {
    this.#isOn = enabled && !this.#isOffAtRunTime
  }

  /** Turns it at run time. */
  switch(isOn: boolean): void {
    this.#isOn = isOn
    this.#isOffAtRunTime = !isOn
  }
}

/** Whether a tenant is trusted: if neither it nor the entry for all tenants is switched off. */
export class TenantTrust extends TrustSwitch {
  readonly #ofAll: TrustSwitch
  readonly #findOwn: () => TrustSwitch | undefined

  /** @param findOwn finds its own switch, which it has once it was switched */
  constructor(ofAll: TrustSwitch, findOwn: () => TrustSwitch | undefined) {
    super()
    this.#ofAll = ofAll
    this.#findOwn = findOwn
  }

  override get isOn(): boolean {
    return this.#ofAll.isOn && this.#findOwn()?.isOn !== false
  }
}

/** Turns a switch at run time, and reports it if that changes anything. */
export function switchTrust(id: string, trust: TrustSwitch, isOn: boolean, events: ExchangeEventEmitter): void {
  const wasOn = trust.isOn
  trust.switch(isOn)
  if (wasOn === isOn) return
  events.emit(isOn ? 'identity_provider.enabled' : 'identity_provider.disabled', { identityProvider: id })
}

/** @throws TokenRejected `identity_provider_disabled` */
export function checkEnabled({ trust }: { trust: TrustSwitch }): void {
  if (!trust.isOn) throw new TokenRejected('identity_provider_disabled')
}
