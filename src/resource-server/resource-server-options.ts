import { type ResourceOptions, readResources } from '../access-token/resource-options.js'
import type { Resource } from '../access-token/resources.js'
import type { Clock } from '../clock/clock.js'
import { readClock } from '../exchange/read-clock.js'
import {
  type HostFunctionOptions,
  type HostFunctionSettings,
  readHostFunctionOptions,
} from '../host-functions/host-functions.js'
import type { IdentityProviderSettings } from '../identity-provider/identity-provider-options.js'
import {
  type JwksEndpointOptions,
  type JwksEndpointSettings,
  readJwksEndpointOptions,
} from '../jwks/jwks-endpoint-options.js'
import type { OptionProblem } from '../option-checks/config-error.js'
import { throwProblemsOf } from '../option-checks/findings.js'
import { OptionReader } from '../option-checks/option-reader.js'
import { readSubjectMapping, type SubjectOption } from '../policy/subject-mapping.js'
import { type ImpliedScopes, readImpliedScopes } from '../protected-route/implied-scopes.js'
import { type IssuerOptions, readIssuers } from './issuer-options.js'

/** What a resource server has besides its issuers. */
interface SharedOptions {
  /** How key sets are fetched. */
  jwksEndpoint?: JwksEndpointOptions
  /**
   * What `sub` becomes, unless the entry of the issuer says otherwise. Required with several issuers that do not all have their
   * own `subject`, because two of them can assert the same `sub`. Default with one issuer: `raw`.
   */
  subject?: SubjectOption
  /**
   * Size of the cache for verified tokens, in bytes, 0 to 1 073 741 824; 0 turns it off. A token is cached when it is accepted
   * for the second time. Its dates and its key are checked at each use. Default: 10 485 760.
   */
  cacheSizeBytes?: number
  /**
   * Scopes that imply others at routes: a token with the broader scope passes where `scope` or `anyScope` asks for one of the
   * narrower scopes, by way of several steps, too. Default: none.
   */
  impliedScopes?: Readonly<Record<string, readonly string[]>>
  /**
   * The resources, 1 to 1000, of which `wellKnown` serves metadata (RFC 9728) and which challenges name. They have no `lifetime`,
   * because nothing is issued. Which tokens are accepted is up to the `audience` of the issuers. Default: none.
   */
  resources?: readonly Omit<ResourceOptions, 'lifetime'>[]
  /** Bounds how long requests wait for the functions in these options, and how many calls run at once. */
  hostFunctions?: HostFunctionOptions
  /** The clocks, for tests. Default: the system's. */
  clock?: Clock
}

/**
 * All options of `createResourceServer`: those of one issuer, or `issuers`. An option that is named but undefined or null is
 * refused.
 *
 * @example
 * const options: ResourceServerOptions = { issuer: 'https://auth.example.com/oauth2', audience: 'https://api.example.com' }
 */
export type ResourceServerOptions = SharedOptions & (IssuerOptions | { issuers: readonly IssuerOptions[] })

/** The options, checked and complete. */
export interface ResourceServerSettings {
  issuers: readonly IdentityProviderSettings[]
  jwksEndpoint: JwksEndpointSettings
  cacheSizeBytes: number
  /** undefined: no scope implies another. */
  impliedScopes: ImpliedScopes | undefined
  resources: readonly Resource[]
  hostFunctions: HostFunctionSettings
  clock: Clock
}

/** @throws ConfigError with all problems together */
export function readResourceServerOptions(options: unknown): Readonly<ResourceServerSettings> {
  const { settings, problems } = inspectResourceServerOptions(options)
  throwProblemsOf(options, problems)
  return settings
}

/** The settings can be used only if there is no problem. */
export function inspectResourceServerOptions(options: unknown): {
  settings: Readonly<ResourceServerSettings>
  problems: readonly OptionProblem[]
} {
  const reader = new OptionReader(options, [], "createResourceServer({ issuer: 'https://…', audience: 'https://…' })")
  const jwksEndpoint = readJwksEndpointOptions(reader.object('jwksEndpoint'))
  const settings = {
    issuers: readIssuers(reader, { jwksEndpoint, subject: readSubjectMapping(reader) }),
    jwksEndpoint,
    cacheSizeBytes: reader.integer('cacheSizeBytes', { min: 0, max: 2 ** 30, default: 10_485_760, unit: 'bytes' }),
    impliedScopes: readImpliedScopes(reader),
    resources: readOwnResources(reader),
    hostFunctions: readHostFunctionOptions(reader.object('hostFunctions')),
    clock: readClock(reader),
  }
  reader.refuseUnknown()
  return { settings: Object.freeze(settings), problems: reader.problems() }
}

function readOwnResources(reader: OptionReader): readonly Resource[] {
  const resources = readResources(reader) ?? []
  for (const each of reader.objects('resources')) {
    if (each.has('lifetime')) each.note('conflict', 'lifetime', 'a resource server issues no access tokens; remove it')
  }
  return resources
}
