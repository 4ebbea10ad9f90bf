import type { IncomingMessage, ServerResponse } from 'node:http'
import { hasField } from '../errors/field-of.js'
import type { JwtExchange } from '../exchange/jwt-exchange.js'
import type { IdentityProviderStore } from '../identity-provider-store/identity-provider-store.js'
import { OptionReader } from '../option-checks/option-reader.js'
import type { Authorize } from './authorize.js'
import { type AcceptedHost, parseHost } from './browser-guard.js'

/**
 * Options of `createAdmin`.
 *
 * @example
 * const adminOptions: AdminOptions = {
 *   authorize: (req) => req.headers['x-forwarded-user'] === 'alice',
 *   hosts: ['admin.example.com'],
 * }
 */
export interface AdminOptions {
  /**
   * Decides who may use the admin API and its page; it is called for each request. A function of the request returns `true`, or
   * the name of the person for the audit events. Anything else refuses the request. A function with three parameters is used
   * as a middleware: it calls `next()`, or answers by itself. If it throws, or takes longer than `timeout`, the answer is 503.
   */
  authorize(req: IncomingMessage, res: ServerResponse, next: (error?: unknown) => void): unknown
  /** The store of the exchange, which the API changes. Default: none, so that entries cannot be changed. */
  store?: IdentityProviderStore
  /**
   * The accepted values of the header `Host`, 1 or more, such as `admin.example.com`; with a port, only this port is accepted.
   * Others are answered with 421. Set it if the API has no other protection against DNS rebinding. Default: all.
   */
  hosts?: readonly string[]
  /** How many of the last events are kept for `GET /events`, 10 to 10 000. Default: 1000. */
  maxEvents?: number
  /** Milliseconds within which `authorize` and each call of the store must answer, 10 to 60 000. Default: 5000. */
  timeout?: number
  /**
   * `true`: entries that are sent to the API may have `network: 'any'`, which also allows `proxy`. Then whoever may use the API
   * can have this server connect to addresses of your own network. Default: false.
   */
  allowPrivateNetworks?: boolean
}

export interface AdminSettings {
  authorize: Authorize
  store: IdentityProviderStore | undefined
  hosts: readonly AcceptedHost[] | undefined
  maxEvents: number
  timeout: number
  allowPrivateNetworks: boolean
}

const EXAMPLE = '{ authorize: (req) => req.user?.isAdmin === true }'
const NO_LOOKUP =
  'the exchange does not look identity providers up; pass the same store to createJwtExchange as `identityProviderStore`'
const STORE_FUNCTIONS = ['find', 'list', 'get', 'put', 'remove']

/**
 * @param exchange looks at its own store: entries of another one would never be in force
 * @throws ConfigError with all problems together
 */
export function readAdminOptions(options: unknown, exchange: Pick<JwtExchange, 'stats'>): AdminSettings {
  const reader = new OptionReader(options, ['createAdmin'], EXAMPLE)
  const hosts = reader.isNamed('hosts')
    ? reader.someStrings('hosts', 'a host, such as admin.example.com', (host) => parseHost(host) !== undefined)
    : undefined
  const settings = {
    authorize: readAuthorize(reader),
    store: readStore(reader, exchange),
    hosts: hosts?.flatMap((host) => parseHost(host) ?? []),
    maxEvents: reader.integer('maxEvents', { min: 10, max: 10_000, default: 1000, unit: 'events' }),
    timeout: reader.integer('timeout', { min: 10, max: 60_000, default: 5000, unit: 'milliseconds' }),
    allowPrivateNetworks: reader.boolean('allowPrivateNetworks', false),
  }
  reader.refuseUnknown()
  reader.throwProblems()
  return settings
}

function readAuthorize(reader: OptionReader): Authorize {
  const authorize = reader.hostObject('authorize')
  if (typeof authorize === 'function') return authorize as Authorize
  const expected = 'a function that decides who may use the admin API, such as (req) => req.user?.isAdmin === true'
  reader.problem('authorize', expected, undefined, 'wrong_type')
  return () => false
}

function readStore(reader: OptionReader, { stats }: Pick<JwtExchange, 'stats'>): IdentityProviderStore | undefined {
  if (!reader.isNamed('store')) return undefined
  const store = reader.hostObject('store')
  const isStore = STORE_FUNCTIONS.every(
    (name) => hasField(store, name) && typeof Reflect.get(store, name) === 'function',
  )
  if (isStore && !Object.hasOwn(stats(), 'identityProviderLookup')) {
    reader.note('conflict', 'store', NO_LOOKUP)
  }
  if (isStore) return store as IdentityProviderStore
  reader.problem('store', 'an IdentityProviderStore', undefined, 'wrong_type')
  return undefined
}
