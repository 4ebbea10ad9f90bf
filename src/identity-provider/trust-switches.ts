import { TrustSwitch } from './identity-provider.js'
import type { IdentityProviderSettings } from './identity-provider-options.js'
import { doOverlap, isSameScope, type RegistrationScope } from './registration.js'

/** An identity provider that is or was registered. */
interface KnownProvider extends RegistrationScope {
  id: string
  trust: TrustSwitch
  isRegistered: boolean
}

type RegisteredProvider = Pick<IdentityProviderSettings, 'id' | 'name' | 'registration' | 'enabled'> & {
  trust: TrustSwitch
}

/**
 * The switches of all identity providers that are or were registered, by their ids: access tokens of former ones may still be
 * in use. What was switched off at run time stays off if other options give its assertions to an entry with another id.
 */
export class TrustSwitches {
  readonly #byId = new Map<string, KnownProvider>()
  /** Also what ids accepted before they were given to something else. */
  readonly #byName = new Map<string, Set<KnownProvider>>()

  /** The existing switch of an identity provider, or a new one, which is not added before `putInForce`. */
  switchOf(id: string): TrustSwitch {
    return this.#byId.get(id)?.trust ?? new TrustSwitch()
  }

  /** Sets the switches as the options say, and adds new ones. Removes none. */
  putInForce(registered: readonly RegisteredProvider[]): void {
    const isOffBefore = registered.map((each) => this.#wasSwitchedOff(each))
    for (const known of this.#byId.values()) known.isRegistered = false
    for (const [index, { id, name, registration, trust, enabled }] of registered.entries()) {
      if (isOffBefore[index]) trust.switch(false)
      trust.configure(enabled)
      this.#add({ id, name, registration, trust, isRegistered: true })
    }
  }

  /**
   * Whether access tokens of this id are refused. If its assertions now belong to entries with other ids, they are refused
   * while one of these is off: the token does not say whose it would be.
   */
  isDisabled(id: string): boolean {
    const known = this.#byId.get(id)
    if (known?.isRegistered === true) return !known.trust.isOn
    const scope = known ?? { name: id, registration: undefined }
    return this.#ofName(scope.name).some((each) => this.#isOff(each) && doOverlap(each, scope))
  }

  /** Gives a tenant of an entry for any tenant a switch of its own, so that it can be switched. */
  addTenant({ id, name, registration }: RegistrationScope & { id: string }): void {
    if (!this.#byId.has(id)) this.#add({ id, name, registration, trust: new TrustSwitch(), isRegistered: true })
  }

  find(id: string): TrustSwitch | undefined {
    return this.#byId.get(id)?.trust
  }

  /** The ids of the registered entries with this `name`. */
  idsOf(name: string): readonly string[] {
    return this.#ofName(name)
      .filter(({ isRegistered }) => isRegistered)
      .map(({ id }) => id)
  }

  /** Whether it is new in these options, or accepts other assertions, some of which were switched off at run time. */
  #wasSwitchedOff(next: RegisteredProvider): boolean {
    const known = this.#byId.get(next.id)
    if (known?.isRegistered === true && isSameScope(known, next)) return false
    return this.#ofName(next.name).some((each) => each.trust.isOffAtRunTime && doOverlap(each, next))
  }

  /** The options switch an id for what it accepts now; at run time it is switched for all that it ever accepted. */
  #isOff(known: KnownProvider): boolean {
    return this.#byId.get(known.id) === known ? !known.trust.isOn : known.trust.isOffAtRunTime
  }

  #ofName(name: string): readonly KnownProvider[] {
    return [...(this.#byName.get(name) ?? [])]
  }

  #add(known: KnownProvider): void {
    const before = this.#byId.get(known.id)
    this.#byId.set(known.id, known)
    const ofName = this.#byName.get(known.name) ?? new Set()
    if (before !== undefined) {
      const again = isSameScope(before, known) ? [before] : [...ofName].filter((each) => isSameAs(each, known))
      for (const each of again) ofName.delete(each)
    }
    this.#byName.set(known.name, ofName.add(known))
  }
}

function isSameAs(one: KnownProvider, other: KnownProvider): boolean {
  return one.id === other.id && isSameScope(one, other)
}
