import { type ClaimCondition, findFailing } from './claim-condition.js'
import type { Claims } from './claim-path.js'

/** What an accepted assertion may become where its claims are so. */
export interface Binding {
  name: string
  when: readonly ClaimCondition[]
  /** The ids of the clients that obtain it; undefined: any. */
  clients: ReadonlySet<string> | undefined
  scopes: ReadonlySet<string>
  /** The audiences of the access token; undefined: all that the exchange has. */
  resources: ReadonlySet<string> | undefined
  /** Seconds, at most, of the access token; infinite where it has no bound of its own. */
  lifetime: number
  /** Whether `groupsToScopes` makes it, for hints. */
  isOfGroup: boolean
}

/** Those that hold for these claims and this client. */
export function findBindings(bindings: readonly Binding[], claims: Claims, clientId: string): readonly Binding[] {
  return bindings.filter((binding) => findUnmet(binding, claims, clientId) === undefined)
}

/** Why a binding does not hold for these claims and this client: the client, or the first condition; undefined: it holds. */
export function findUnmet(
  { when, clients }: Binding,
  claims: Claims,
  clientId: string,
): 'client' | ClaimCondition | undefined {
  return clients?.has(clientId) === false ? 'client' : findFailing(when, claims)
}
