import { printable } from '../errors/printable.js'
import { TokenRejected } from '../errors/rejections.js'
import type { ExchangeEventEmitter } from '../events/exchange-events.js'
import { isAsymmetricAlgorithm } from '../jwt/algorithms.js'
import { ownMember } from '../jwt/parse-json-object.js'
import { normaliseType, type UnverifiedHeader } from '../jwt/parse-jwt.js'
import { ConfigError } from '../option-checks/config-error.js'
import type { Claims } from '../policy/claim-path.js'
import { DEFAULT_LIMITS } from './assertion-limits.js'
import { FixedIdentityProviders } from './fixed-identity-providers.js'
import { type IdentityProvider, switchTrust, type TrustSwitch } from './identity-provider.js'
import type { IdentityProviderSettings } from './identity-provider-options.js'
import { RegistrationsOfIssuer } from './registration.js'
import type {
  AcceptorOfIssuer,
  LookupCause,
  ProvidersAtRunTime,
  RunTimeIdentityProviders,
} from './run-time-identity-providers.js'
import { TrustSwitches } from './trust-switches.js'

/** The identity providers of one configuration. */
export class IdentityProviderRegistry {
  readonly #fixed: FixedIdentityProviders
  readonly #trustSwitches: TrustSwitches
  /** Those that are not in the options; undefined: there are no others. */
  readonly #atRunTime: RunTimeIdentityProviders | undefined
  /** The longest assertion that any of them accepts, in bytes; at least the default limit. */
  readonly maxAssertionBytes: number
  readonly #algorithms: ReadonlySet<string>
  readonly #types: ReadonlySet<string>
  /** Whether each identity provider gets a share of the replay store: if several have `replay: 'once'`. */
  readonly haveShares: boolean
  /** Whether one of them accepts requests without a client. */
  readonly mayBeWithoutClient: boolean

  /** @param trustSwitches also of identity providers that were registered before */
  constructor(
    identityProviders: readonly IdentityProvider[],
    trustSwitches = new TrustSwitches(),
    atRunTime?: ProvidersAtRunTime,
  ) {
    this.#trustSwitches = trustSwitches
    this.#atRunTime = atRunTime?.lookup
    this.#fixed = new FixedIdentityProviders(identityProviders)
    this.haveShares =
      atRunTime !== undefined || identityProviders.filter(({ limits }) => limits.replay === 'once').length > 1
    this.mayBeWithoutClient =
      atRunTime?.mayBeWithoutClient === true ||
      identityProviders.some(({ clientAuthentication }) => clientAuthentication === 'optional')
    this.#algorithms = unionOf(identityProviders.map(({ limits }) => limits.algorithms))
    this.#types = unionOf(identityProviders.map(({ types }) => types))
    this.maxAssertionBytes = Math.max(
      DEFAULT_LIMITS.maxBytes,
      atRunTime?.maxAssertionBytes ?? 0,
      ...identityProviders.map(({ limits }) => limits.maxBytes),
    )
  }

  /**
   * Sets the switches as the options say, and adds new ones. Removes none, because requests may be running and access tokens
   * may still be in use.
   */
  putInForce(settings: readonly IdentityProviderSettings[]): void {
    const registered = settings.flatMap((each) => {
      const trust = this.#fixed.byId.get(each.id)?.trust
      return trust === undefined ? [] : [{ ...each, trust }]
    })
    this.#trustSwitches.putInForce(registered)
  }

  /**
   * Refuses a header that no identity provider accepts. Those at run time may accept any algorithm that is supported, and any type.
   *
   * @throws TokenRejected `algorithm_not_allowed`, `type_not_allowed`
   */
  checkHeader({ alg, typ }: UnverifiedHeader): void {
    if (this.#atRunTime !== undefined && isAsymmetricAlgorithm(alg)) return
    if (!this.#algorithms.has(alg)) throw new TokenRejected('algorithm_not_allowed')
    if (typ !== undefined && !this.#types.has(normaliseType(typ))) throw new TokenRejected('type_not_allowed')
  }

  /**
   * Looks the issuer of these claims up if it may be registered at run time, so that the functions below know it.
   *
   * @returns undefined if there is nothing to wait for
   * @throws DependencyUnavailable `identity_provider_lookup_failed`, `identity_provider_lookup_limit_reached`, or rejects with it
   */
  load(claims: Claims, cause: LookupCause): Promise<void> | undefined {
    if (this.#atRunTime === undefined) return undefined
    const issuer = ownMember(claims, 'iss')
    if (typeof issuer !== 'string' || this.#fixed.findAcceptor(issuer) !== undefined) return undefined
    return this.#atRunTime.load(issuer, cause)
  }

  /**
   * The one identity provider that these claims can belong to. `iss` is compared exactly: slash, case and port count (RFC 7523
   * §3, 1). If the issuer has several registrations, their claim decides. The claims need not be verified.
   */
  findFor(claims: Claims): IdentityProvider | undefined {
    const ofIssuer = this.#ofIssuer(claims)
    return ofIssuer instanceof RegistrationsOfIssuer ? ofIssuer.find(claims) : ofIssuer
  }

  /** The same among those of the options. */
  findFixedFor(claims: Claims): IdentityProvider | undefined {
    const issuer = ownMember(claims, 'iss')
    const ofIssuer = typeof issuer === 'string' ? this.#fixed.findAcceptor(issuer) : undefined
    return ofIssuer instanceof RegistrationsOfIssuer ? ofIssuer.find(claims) : ofIssuer
  }

  /** Whether any entry has the `iss` of these claims. */
  hasIssuerOf(claims: Claims): boolean {
    return this.#ofIssuer(claims) !== undefined
  }

  /** The registrations of the issuer of these claims; undefined if it has none, or one without a condition. */
  registrationsFor(claims: Claims): RegistrationsOfIssuer<IdentityProvider> | undefined {
    const ofIssuer = this.#ofIssuer(claims)
    return ofIssuer instanceof RegistrationsOfIssuer ? ofIssuer : undefined
  }

  find(id: string): IdentityProvider | undefined {
    return this.#fixed.find(id) ?? this.#atRunTime?.find(id)
  }

  /** Whether an entry of the options has this id or name; `isInOptions`: or had this id. */
  isRegistered(idOrName: string): boolean {
    return this.#fixed.has(idOrName)
  }

  isInOptions(idOrName: string): boolean {
    return this.isRegistered(idOrName) || this.#trustSwitches.find(idOrName) !== undefined
  }

  /** @throws ConfigError if no identity provider has this id */
  require(id: string): IdentityProvider {
    return this.find(id) ?? this.#refuseId(id)
  }

  /**
   * Stops trusting one that is or was registered, because its access tokens may still be in use. A name stands for all
   * entries that have it.
   *
   * @throws ConfigError if there never was one with this id or name
   */
  disable(idOrName: string, events: ExchangeEventEmitter): void {
    const tenant = this.#fixed.findTenant('id', idOrName) ?? this.#fixed.findTenant('name', idOrName)
    if (tenant !== undefined) this.#trustSwitches.addTenant(tenant)
    const ids = new Set([tenant?.id ?? idOrName, ...this.#trustSwitches.idsOf(idOrName)])
    const switches = [...ids].flatMap((id): [string, TrustSwitch][] => {
      const trust = this.#trustSwitches.find(id)
      return trust === undefined ? [] : [[id, trust]]
    })
    if (switches.length === 0) this.#refuseId(idOrName)
    for (const [id, trust] of switches) switchTrust(id, trust, false, events)
  }

  /**
   * Trusts one again. By its id only: a name would also switch on what was switched off by itself.
   *
   * @throws ConfigError if there never was one with this id
   */
  enable(id: string, events: ExchangeEventEmitter): void {
    switchTrust(id, this.#trustSwitches.find(id) ?? this.#refuseId(id), true, events)
  }

  /**
   * Whether access tokens that have this id are refused, even if it is no longer registered.
   *
   * @throws DependencyUnavailable `identity_provider_lookup_failed` if that is unknown
   */
  isDisabled(id: string): boolean {
    if (this.#trustSwitches.isDisabled(id) || this.#fixed.findTenant('id', id)?.trust.isOn === false) return true
    return this.#atRunTime !== undefined && !this.#fixed.has(id) && this.#atRunTime.isDisabled(id)
  }

  /** Those of the options. */
  get fixed(): ReadonlyMap<string, IdentityProvider> {
    return this.#fixed.byId
  }

  /** Those of the options, and those that were looked up and are kept ready. */
  all(): readonly IdentityProvider[] {
    return [...this.#fixed.byId.values(), ...(this.#atRunTime?.all() ?? [])]
  }

  /** @throws DependencyUnavailable `invalid_registration` */
  #ofIssuer(claims: Claims): AcceptorOfIssuer | undefined {
    const issuer = ownMember(claims, 'iss')
    if (typeof issuer !== 'string') return undefined
    return this.#fixed.findAcceptor(issuer) ?? this.#atRunTime?.ofIssuer(issuer)
  }

  #refuseId(id: string): never {
    const ids = this.#trustSwitches.idsOf(id).map((each) => `"${printable(each)}"`)
    const expected =
      ids.length === 0
        ? 'the `id` of a registered identity provider, which is its `name` if it has no `id`'
        : `the \`id\` of one of its registrations: ${ids.join(' or ')}`
    const message = `got "${printable(String(id))}"; expected ${expected}`
    throw new ConfigError([{ code: 'invalid', path: ['id'], message }])
  }
}

/** Most identity providers share one set, so each set is read once. */
function unionOf(sets: readonly ReadonlySet<string>[]): ReadonlySet<string> {
  return new Set([...new Set(sets)].flatMap((each) => [...each]))
}
