import type { IdentityProvider } from './identity-provider.js'
import { RegistrationsOfIssuer } from './registration.js'
import type { AcceptorOfIssuer } from './run-time-identity-providers.js'
import { findTenant } from './tenants.js'

/** The identity providers of the options, by their ids and names. */
export class FixedIdentityProviders {
  readonly byId: ReadonlyMap<string, IdentityProvider>
  readonly #byIssuer: ReadonlyMap<string, AcceptorOfIssuer | undefined>
  /** Those whose name is a template for any tenant. */
  readonly #ofTenants: readonly IdentityProvider[]

  constructor(identityProviders: readonly IdentityProvider[]) {
    this.byId = new Map(identityProviders.map((each) => [each.id, each]))
    this.#byIssuer = groupByIssuer(identityProviders.filter(({ ofTenant }) => ofTenant === undefined))
    this.#ofTenants = identityProviders.filter(({ ofTenant }) => ofTenant !== undefined)
  }

  find(id: string): IdentityProvider | undefined {
    return this.byId.get(id) ?? this.findTenant('id', id)
  }

  /** An exact name wins over a template. */
  findAcceptor(issuer: string): AcceptorOfIssuer | undefined {
    const acceptor = this.#byIssuer.get(issuer)
    const tenant = acceptor === undefined ? this.findTenant('name', issuer) : undefined
    return tenant === undefined ? acceptor : acceptorOf([tenant])
  }

  /** The tenant with this id or name, of an entry for any tenant. */
  findTenant(key: 'id' | 'name', text: string): IdentityProvider | undefined {
    for (const each of this.#ofTenants) {
      const tenant = findTenant(each[key], text)
      if (tenant !== undefined) return each.ofTenant?.(tenant)
    }
    return undefined
  }

  has(idOrName: string): boolean {
    return (
      this.#byIssuer.has(idOrName) ||
      this.find(idOrName) !== undefined ||
      this.findTenant('name', idOrName) !== undefined
    )
  }
}

function groupByIssuer(identityProviders: readonly IdentityProvider[]) {
  const groups = new Map<string, IdentityProvider[]>()
  for (const each of identityProviders) {
    const group = groups.get(each.name)
    if (group === undefined) groups.set(each.name, [each])
    else group.push(each)
  }
  return new Map([...groups].map(([name, group]) => [name, acceptorOf(group)]))
}

/** What accepts the assertions of one issuer, by all its entries. */
export function acceptorOf(group: readonly IdentityProvider[]): AcceptorOfIssuer | undefined {
  const [first] = group
  return first?.registration === undefined ? first : new RegistrationsOfIssuer(first.registration, group)
}
