import { EventEmitter } from 'node:events'
import { debuglog } from 'node:util'
import type {
  HostFunctionCall,
  IntrospectionFailure,
  KeySetOwner,
  TokenIssued,
  TokensRevoked,
} from './event-subjects.js'
import type { AccessDenied, TokenRequestRefused } from './refusals.js'

/** Every event, with what it carries. No event carries a token, a secret or unescaped input. */
export interface ExchangeEvents {
  /** The token endpoint issued an access token. */
  'token.issued': TokenIssued
  /** The token endpoint, or the introspection or revocation endpoint, refused a request: see `path`. */
  'token.rejected': TokenRequestRefused
  /** Access tokens were revoked, in this process: one of them, or all of somebody that were issued before a time. */
  'token.revoked': TokensRevoked
  /** A protected route let a request pass. */
  'access.granted': { subject: string; clientId?: string; identityProvider?: string }
  /** A protected route refused a request. With several Passport strategies: all of them refused it. */
  'access.denied': AccessDenied
  /** A key set was fetched, or was confirmed by the endpoint (304), and is now in use. */
  'jwks.refreshed': KeySetOwner & {
    durationMs: number
    kids: readonly (string | undefined)[]
    /** Whether the key set differs from the previous one. */
    hasChanged: boolean
    /** Milliseconds. */
    freshForMs: number
  }
  /** A key set could not be fetched, or was not usable. The last good key set stays in use. */
  'jwks.failed': KeySetOwner & {
    durationMs: number
    /** A stable code: see docs/errors.md. */
    reason: string
    /** The code of the underlying error, or the HTTP status. */
    code?: string
    /** The URL that was requested. With `discovery` it is the URL of the metadata or of the key set. */
    url?: string
    /** What the answer contained instead. */
    detail?: string
    consecutiveFailures: number
    /** Milliseconds until the next attempt. */
    retryInMs: number
  }
  /**
   * A key set has expired and is still used, because the endpoint fails. Emitted once, and again as `degraded` after half of
   * `cacheMaxAgeFallback`.
   */
  'jwks.stale': KeySetOwner & { state: 'stale' | 'degraded'; keySetAgeMs: number; servesForMs: number }
  /** The endpoint answers again. Emitted after `jwks.refreshed`. */
  'jwks.recovered': KeySetOwner & { failedForMs: number }
  /** A member of a key set is skipped, and the others are used. Emitted again when the key set has changed. */
  'jwks.key_rejected': KeySetOwner & { kid?: string; reason: string }
  /**
   * Keys may be fetched without TLS from another machine, because `allowInsecureHttp` is true. Whoever can change the answer
   * in transit can sign as this identity provider. Emitted at each start, and at each change of the options.
   */
  'jwks.insecure_http': KeySetOwner
  /**
   * A key set has more members than `jwksEndpoint.maxKeys`: only the first ones are read. Emitted again when the key set
   * has changed.
   */
  'jwks.key_set_cut': KeySetOwner & {
    /** How many members the set has. */
    keys: number
    maxKeys: number
  }
  /**
   * A configured certificate, or the certificate of a published key (`x5c`), expires within 30 days or has expired. Emitted at
   * most once a day for each certificate.
   */
  'certificate.expiring': { identityProvider?: string; clientId?: string; certificate: string; expiresAt: number }
  /** Somebody changed an identity provider through the admin API. */
  'identity_provider.saved': {
    /** Its `id`. */
    identityProvider: string
    action: 'created' | 'replaced' | 'patched' | 'imported' | 'disabled' | 'enabled'
    /** What the store has now. Absent if the provider is one of the options. */
    revision?: string
    /** Who did it, if `authorize` returned a name. */
    by?: string
  }
  /** Somebody removed an identity provider through the admin API. */
  'identity_provider.deleted': { identityProvider: string; by?: string }
  /** An identity provider was switched off, or on again, at run time. Not emitted if nothing changes. */
  'identity_provider.disabled': { identityProvider: string }
  'identity_provider.enabled': { identityProvider: string }
  /**
   * A registration of `identityProviderStore` was added or changed, or was removed. Emitted in each process, once this process
   * follows the change.
   */
  'identity_provider.changed': { identityProvider: string; issuer: string; revision: string }
  'identity_provider.removed': { identityProvider: string; issuer: string }
  /** Entries that were looked up cannot be used: assertions with this `iss` are answered with 503. */
  'identity_provider.invalid': { issuer: string; message: string }
  /** The store or function that finds identity providers fails. Known ones stay in use for `identityProviderLookup.maxStale`. */
  'identity_provider_lookup.failed': { message: string }
  /** It answers again. */
  'identity_provider_lookup.recovered': { failedForMs: number }
  /** New options are in force: see `exchange.reconfigure`. */
  'config.changed': { revision: number }
  /**
   * New options were refused, and the previous options stay in force. The message has the first 100 problems, or the name
   * and code of the error.
   */
  'config.refused': { message: string }
  /**
   * A token request, or a request that a route refused, came through a proxy, but Express's `trust proxy` is off. So every
   * client behind the proxy appears with the proxy's address. Emitted at most once, and only on Express.
   */
  'proxy.not_trusted': { message: string }
  /** No signing key was configured, so one was generated. Its tokens become invalid when this process ends. */
  'signing_key.generated': { kid: string }
  /**
   * The path of the first token request differs from the path in the metadata. Unless a proxy rewrites paths, clients that read the
   * metadata do not find the token endpoint.
   */
  'token_endpoint.mismatch': { message: string }
  /**
   * The replay store may forget a used assertion, or does not know which assertions other processes have accepted. Emitted at
   * most once: right after creation, or after the first assertion was marked used.
   */
  'replay_store.at_risk': { message: string }
  /**
   * The replay store is 80 % full. With `identityProvider`, the share of that identity provider is 80 % full. When it is full,
   * assertions are refused with `replay_store_full`. Emitted again only after the level fell below 70 %.
   */
  'replay_store.filling': { fillLevel: number; identityProvider?: string }
  /**
   * The revocation store cannot be read. After `revocation.maxStale` each access token is answered with 503. Emitted once for
   * each outage.
   */
  'revocation_store.failed': { message: string }
  /** The revocation store answers again, and everything was read. */
  'revocation_store.recovered': { failedForMs: number }
  /** Other processes do not see what is revoked in this one, or the store may forget it. Emitted at most once. */
  'revocation_store.at_risk': { message: string }
  /** An introspection endpoint fails: requests that need it get 503. Emitted once for each `reason` and `code` of an outage. */
  'introspection.failed': IntrospectionFailure
  /** It answers again. */
  'introspection.recovered': { identityProvider: string; endpoint: string; failedForMs: number }
  /** A function of the host did not answer within `hostFunctions.timeout`, so its request is answered with 503. */
  'host_function.timed_out': HostFunctionCall & { timeoutMs: number }
  /**
   * `hostFunctions.maxConcurrent` calls of a function of the host are running. Further requests that need it are answered
   * with 503. Emitted again only after half of the calls have ended.
   */
  'host_function.limit_reached': HostFunctionCall & { maxConcurrent: number }
}

/** The name of an event. */
export type ExchangeEventName = keyof ExchangeEvents
/** Called with an event, in the same turn of the event loop. An error that it throws does not reach the request. */
export type ExchangeEventListener<Name extends ExchangeEventName> = (event: ExchangeEvents[Name]) => void

/** Adds and removes listeners. A listener that throws or rejects affects neither the request nor other listeners. */
export interface ExchangeEventSource {
  on<Name extends ExchangeEventName>(name: Name, listener: ExchangeEventListener<Name>): this
  once<Name extends ExchangeEventName>(name: Name, listener: ExchangeEventListener<Name>): this
  off<Name extends ExchangeEventName>(name: Name, listener: ExchangeEventListener<Name>): this
}

const debug = debuglog('express-jwt-exchange')

export class ExchangeEventEmitter implements ExchangeEventSource {
  readonly #emitter = new EventEmitter().setMaxListeners(0)

  on<Name extends ExchangeEventName>(name: Name, listener: ExchangeEventListener<Name>): this {
    this.#emitter.on(name, listener)
    return this
  }

  once<Name extends ExchangeEventName>(name: Name, listener: ExchangeEventListener<Name>): this {
    this.#emitter.once(name, listener)
    return this
  }

  off<Name extends ExchangeEventName>(name: Name, listener: ExchangeEventListener<Name>): this {
    this.#emitter.off(name, listener)
    return this
  }

  /** Whether an event would reach anybody: one that comes with each request need not be made otherwise. */
  isHeard(name: ExchangeEventName): boolean {
    return debug.enabled || this.#emitter.listenerCount(name) > 0
  }

  emit<Name extends ExchangeEventName>(name: Name, event: ExchangeEvents[Name]): void {
    if (debug.enabled) debug('%s %s', name, JSON.stringify(event))
    if (this.#emitter.listenerCount(name) === 0) return
    for (const listener of this.#emitter.rawListeners(name)) {
      try {
        const outcome = (listener as ExchangeEventListener<Name> as (event: unknown) => unknown)(event)
        if (typeof outcome === 'object' && outcome !== null) Promise.resolve(outcome).catch(reportListenerFault)
      } catch (error) {
        reportListenerFault(error)
      }
    }
  }
}

function reportListenerFault(error: unknown): void {
  debug('an event listener failed: %s', error)
}
