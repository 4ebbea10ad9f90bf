import type { IdentityProviderOptions } from '../identity-provider/identity-provider-options.js'
import type { IdentityProviderStore } from '../identity-provider-store/identity-provider-store.js'
import { describeType } from '../option-checks/describe-value.js'
import type { OptionReader } from '../option-checks/option-reader.js'

/**
 * Finds the identity providers with this `name`, for a host that has its own table of them. It may be asynchronous.
 *
 * @returns one entry, or several with an `id` and a `registration` each; undefined, null or an empty array if there are none
 *
 * @example
 * const findIdentityProvider: FindIdentityProvider = async (name) => {
 *   const tenant = await tenants.findByIssuer(name)
 *   return tenant && { id: tenant.id, name, discovery: true, allowedSubjects: tenant.subjects, scopes: ['orders:read'] }
 * }
 */
export type FindIdentityProvider = (name: string, signal: AbortSignal) => Found | Promise<Found>

type Found = IdentityProviderOptions | readonly IdentityProviderOptions[] | undefined | null

/**
 * Options of `createJwtExchange` for identity providers that are registered at run time.
 *
 * @example
 * const atRunTime: IdentityProvidersAtRunTime = { identityProviderStore: store, identityProviderLookup: { maxStale: 600_000 } }
 */
export interface IdentityProvidersAtRunTime {
  /**
   * Where identity providers are registered at run time. Changes are in force in every process within a second. Set either this
   * or `findIdentityProvider`. With either, `subject` is required. Default: none.
   */
  identityProviderStore?: IdentityProviderStore
  /** Looks identity providers up by their `name` in a table of your own. Default: none. */
  findIdentityProvider?: FindIdentityProvider
  /** How identity providers are looked up. */
  identityProviderLookup?: IdentityProviderLookupOptions
}

/**
 * How identity providers are looked up that are not in `identityProviders`.
 *
 * @example
 * const identityProviderLookup: IdentityProviderLookupOptions = { maxIdentityProviders: 50_000, maxStale: 600_000 }
 */
export interface IdentityProviderLookupOptions {
  /**
   * How many names (`iss`) are kept ready with their keys, 100 to 1 000 000. The least recently used ones are dropped.
   * Default: 10 000.
   */
  maxIdentityProviders?: number
  /** Milliseconds that a call of the store or the function may take, 10 to 60 000. After that, it counts as failed. Default: 1000. */
  timeout?: number
  /**
   * Milliseconds after which a name is looked up again, 100 to 3 600 000. With a store that has `watch`, changes arrive at
   * once, and this is only used while the watch fails. Default: 10 000.
   */
  pollInterval?: number
  /**
   * Milliseconds for which known identity providers stay in use while lookups fail, 0 to 86 400 000. After that, requests are
   * answered with 503. Default: 3 600 000.
   */
  maxStale?: number
  /**
   * `optional`: entries that are looked up may have `clientAuthentication: 'optional'`. Then requests without a client also
   * cause lookups. Default: `required`.
   */
  clientAuthentication?: 'required' | 'optional'
}

export interface IdentityProviderLookupSettings extends Required<IdentityProviderLookupOptions> {
  store: IdentityProviderStore | undefined
  find: FindIdentityProvider | undefined
}

const FUNCTIONS = ['find', 'list', 'get', 'put', 'remove']

/** undefined if only the options have identity providers. */
export function readIdentityProviderLookup(reader: OptionReader): IdentityProviderLookupSettings | undefined {
  const own = reader.object('identityProviderLookup')
  const integer = (key: string, min: number, max: number, fallback: number, unit = 'milliseconds') =>
    own.integer(key, { min, max, default: fallback, unit })
  const settings = {
    maxIdentityProviders: integer('maxIdentityProviders', 100, 1_000_000, 10_000, 'identity providers'),
    timeout: integer('timeout', 10, 60_000, 1000),
    pollInterval: integer('pollInterval', 100, 3_600_000, 10_000),
    maxStale: integer('maxStale', 0, 86_400_000, 3_600_000),
    clientAuthentication: own.oneOf('clientAuthentication', ['required', 'optional'], 'required'),
    store: readStore(reader),
    find: readFunction(reader),
  }
  own.refuseUnknown()
  reader.refuseBoth('identityProviderStore', 'findIdentityProvider')
  return settings.store === undefined && settings.find === undefined ? undefined : settings
}

function readStore(reader: OptionReader): IdentityProviderStore | undefined {
  const store = reader.hostObject('identityProviderStore')
  if (store === undefined) return undefined
  const lacking = FUNCTIONS.filter((name) => typeof memberOf(store, name) !== 'function')
  const watch = memberOf(store, 'watch')
  if (watch !== undefined && typeof watch !== 'function') lacking.push('watch')
  if (lacking.length === 0) return store as IdentityProviderStore
  const expected = `an identity provider store: an object with the functions ${FUNCTIONS.map((name) => `\`${name}\``).join(', ')}`
  reader.problem('identityProviderStore', expected, describeType(store), 'wrong_type')
  return undefined
}

function memberOf(store: unknown, name: string): unknown {
  return typeof store === 'object' && store !== null ? Reflect.get(store, name) : undefined
}

function readFunction(reader: OptionReader): FindIdentityProvider | undefined {
  const value = reader.value('findIdentityProvider')
  if (value === undefined || typeof value === 'function') return value as FindIdentityProvider | undefined
  reader.problem('findIdentityProvider', 'a function', undefined, 'wrong_type')
  return undefined
}
