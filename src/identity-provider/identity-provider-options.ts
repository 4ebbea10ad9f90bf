import type { JwksConnectionOptions } from '../guarded-fetch/connection-options.js'
import type { JwksEndpointSettings } from '../jwks/jwks-endpoint-options.js'
import { isSubject } from '../jwt/check-claims.js'
import { isForeignType, normaliseType } from '../jwt/parse-jwt.js'
import { isScopeToken } from '../oauth/scope.js'
import { option } from '../option-checks/config-error.js'
import type { OptionReader } from '../option-checks/option-reader.js'
import type { BindingContext } from '../policy/binding.js'
import type { PolicySettings } from '../policy/policy.js'
import { type PolicyOptions, readPolicy } from '../policy/policy-options.js'
import {
  beginningOfSubjects,
  RAW_SUBJECT,
  readSubjectMapping,
  type SubjectMapping,
  type SubjectOption,
} from '../policy/subject-mapping.js'
import type { KeyUse } from '../verification-keys/key-reading.js'
import {
  type AcceptedAccessTokenOptions,
  type AcceptedAccessTokenSettings,
  readAccessTokensOfProvider,
} from './accepted-access-tokens.js'
import { type AssertionLimits, type AssertionOptions, readAssertionLimits } from './assertion-limits.js'
import type { IdentityProvider } from './identity-provider.js'
import { type IdentityProviderKeys, readIdentityProviderKeys } from './identity-provider-keys.js'
import { readName } from './identity-provider-name.js'
import { type ProfileName, readClientAuthentication, readProfile, readRecipients } from './provider-profile.js'
import { type RegistrationOptions, readRegistration } from './registration.js'
import { checkTenants, readTenants, type Tenants } from './tenants.js'

/**
 * One identity provider: who it is, who we are to it, and where its keys come from.
 *
 * @example
 * const gitHub: IdentityProviderOptions = { name: 'https://token.actions.githubusercontent.com', discovery: true, allowedSubjects: ['repo:acme/*'] }
 */
export interface IdentityProviderOptions extends AssertionOptions, PolicyOptions, JwksConnectionOptions {
  /** The `iss` of its assertions, compared exactly. Several entries may have the same `name`: see `registration`. */
  name: string
  /**
   * What identifies this entry in events, statistics, access tokens, subjects and the options of clients: text without white
   * space around it and without invisible characters, and different from the `id` and the `name` of each other entry. Required
   * if another entry has the same `name`. Default: the `name`.
   */
  id?: string
  /** Which assertions of the issuer this entry is for. Required if another entry has the same `name`. Default: all. */
  registration?: RegistrationOptions
  /**
   * `workload`: strict defaults for workloads that have only their assertion (draft Workload Authorization Grant). They are
   * `soleAudience`, `requireIat` and `requireJti`: true, `replay`: `once`, `maxBeyondAssertion`: 0, and `clientAuthentication`:
   * `optional`. `aud` is your `issuer` or the URL of the token endpoint, unless `alias` is set. The `name` must be an `https`
   * URL without query and fragment. Other options of the entry win over these defaults, and the defaults win over `assertion`.
   * Default: `jwt-bearer`, which changes no default.
   */
  profile?: ProfileName
  /**
   * The ids of the tenants that are trusted, if the identity provider has one issuer for each of its tenants. The `name` is a
   * template then, such as `https://login.microsoftonline.com/{tenantid}/v2.0`. The claim `tid` must be the id in `iss`. Each
   * tenant has its own `id`, subjects and used assertions. `any`: all tenants; their keys then come from one endpoint, and the
   * subject must be `namespaced`. Default: the name is not a template.
   */
  tenants?: readonly string[] | 'any'
  /** The `aud` that its assertions must contain. Default: the URL of the token endpoint; see `profile`. */
  alias?: string
  /** Its JWKS endpoint: `https`, or `http` on loopback or with `allowInsecureHttp`. */
  jwksUri?: string
  /**
   * Use instead of `jwksUri`. `true` reads `jwks_uri` from `{name}/.well-known/openid-configuration`; a URL reads that
   * document. Its `issuer` must be exactly the `name`. The document is read again each hour and after a failure. `headers` are
   * sent only to the origin of the document. The URL, or with `true` the `name`, must be `https`, or `http` on loopback or with
   * `allowInsecureHttp`. Default: false.
   */
  discovery?: boolean | string
  /**
   * PEM certificates of its signing keys, 1 to 10, without their chain; their validity may overlap. If `jwksUri` is also set,
   * they are used only if `jwksEndpoint.enable` is false, never because the endpoint fails.
   */
  certificates?: readonly string[]
  /** A fixed set of public keys, instead of certificates. With `jwksUri`, the rule for certificates applies. */
  jwks?: { keys: readonly unknown[] }
  /**
   * For keys without `n` and `e`, or `x` and `y`, use the key in the first certificate of `x5c`. The dates of that
   * certificate do not count. Default: false.
   */
  x5cOnlyKeys?: boolean
  /**
   * Values of a key's `use` that are accepted in addition to `sig` and an absent `use`. Only `jwt-svid`, for SPIFFE, is
   * possible. Default: none.
   */
  keyUses?: readonly KeyUse[]
  /** `false`: its assertions are refused. Default: true. */
  enabled?: boolean
  /**
   * `optional`: a request with nothing but `grant_type` and an assertion of this identity provider is accepted (RFC 7523 §3.1).
   * It obtains what `scopes`, `bindings` or `groupsToScopes` allow, so at least one of them must be set. `client_id` in the
   * access token is the subject. A request with client authentication that fails is still refused. Default: `required`.
   */
  clientAuthentication?: 'required' | 'optional'
  /** The scopes that its assertions may obtain. Default: the scopes of the client. */
  scopes?: readonly string[]
  /** The longest lifetime of access tokens for its assertions, in seconds, 1 to 86 400. Default: `accessToken.lifetime`. */
  lifetime?: number
  /**
   * Seconds, 0 to 86 400, by which an access token may outlive its assertion. With 0 it never does. Default: no limit; see
   * `profile`.
   */
  maxBeyondAssertion?: number
  /** Its own access tokens that routes accept, in addition to yours. Default: none. */
  accessTokens?: AcceptedAccessTokenOptions
  /** What the `sub` of its access tokens becomes. Default: the top-level option `subject`. */
  subject?: SubjectOption
  /** Values accepted in `aud` in addition to the alias. Default: none. */
  audiences?: readonly string[]
  /** Values of the `typ` header accepted in addition to `JWT` and an absent `typ`. Default: none. */
  types?: readonly string[]
}

/** The options of one identity provider, checked. */
export interface IdentityProviderSettings
  extends Omit<
    IdentityProvider,
    'keySource' | 'trust' | 'policy' | 'mapSubject' | 'source' | 'ofTenant' | 'accessTokens'
  > {
  enabled: boolean
  policy: PolicySettings
  subject: SubjectMapping
  accessTokens: AcceptedAccessTokenSettings | undefined
  /** The text that its subjects begin with by its own option `subject`; undefined without the option, or for a function. */
  subjectPrefix: string | undefined
  /** Present if the name is a template for tenants. A list has become one entry for each tenant. */
  tenants: Tenants | undefined
  /** The position of its entry in the options. */
  index: number
  /** undefined only for a disabled provider. */
  keys: IdentityProviderKeys | undefined
}

/** The other options that an entry depends on. */
export interface IdentityProviderContext extends BindingContext {
  /** Our own issuer, which must not be an identity provider. */
  issuer: string
  tokenEndpoint: string
  limits: AssertionLimits
  /**
   * Seconds for which used assertions of entries that are looked up are remembered beyond their expiry. Present after a change of
   * the options, which may have lowered the tolerance, and may raise it again.
   */
  rememberedTolerance?: number
  jwksEndpoint: Pick<JwksEndpointSettings, 'enable' | 'maxKeys'>
  /** The default for identity providers without the option `subject`. */
  subject: SubjectMapping | undefined
}

/** Shared by all identity providers without the option `types`, which saves memory if there are many. */
const DEFAULT_TYPES: ReadonlySet<string> = new Set(['jwt'])
/** At least one is required, because we do not control who may sign up at an identity provider. */
const RESTRICTING_OPTIONS = ['allowedSubjects', 'requiredClaims', 'check', 'scopes', 'bindings', 'groupsToScopes']

/** It begins `namespaced` subjects, so it must be one. */
const ID = 'a non-empty string without white space around it and without invisible characters'

export function readIdentityProviderOptions(
  reader: OptionReader,
  context: IdentityProviderContext,
): IdentityProviderSettings {
  const profile = readProfile(reader, context)
  const enabled = reader.boolean('enabled', true)
  const scopes = reader.strings('scopes', 'a scope token (RFC 6749 §3.3)', isScopeToken)
  const name = readName(reader)
  const id = reader.has('id') ? reader.string('id', ID, isSubject) : name
  const own = {
    scopes: scopes && new Set(scopes),
    ...readRecipients(reader, profile),
    policy: readPolicy(reader, context),
  }
  const settings = {
    id,
    name,
    registration: readRegistration(reader),
    ...own,
    accessTokens: readAccessTokensOfProvider(reader, own),
    enabled,
    clientAuthentication: readClientAuthentication(reader, profile),
    lifetime: reader.optionalInteger('lifetime', { min: 1, max: 86_400, unit: 'seconds' }),
    maxBeyondAssertion:
      reader.optionalInteger('maxBeyondAssertion', { min: 0, max: 86_400, unit: 'seconds' }) ??
      profile.maxBeyondAssertion,
    types: readTypes(reader),
    limits: readAssertionLimits(reader, profile.limits),
    subject: readSubjectMapping(reader) ?? context.subject ?? RAW_SUBJECT,
    subjectPrefix: reader.has('subject') ? beginningOfSubjects(reader.pattern('subject'), id) : undefined,
    keys: readIdentityProviderKeys(reader, { enabled, jwksEndpoint: context.jwksEndpoint }),
    tenants: readTenants(reader),
    index: Number(reader.path.at(-1)),
  }
  checkTenants(reader, settings)
  checkRestricted(reader)
  reader.refuseUnknown()
  return settings
}

function checkRestricted(reader: OptionReader): void {
  if (RESTRICTING_OPTIONS.some((option) => reader.isNamed(option))) return
  const toDo = `set ${option('allowedSubjects')} to the accepted subjects, or to "any" for everyone`
  const others = 'docs/policy.md has other restrictions'
  reader.missing(undefined, RESTRICTING_OPTIONS, `nothing restricts who is accepted; ${toDo}. ${others}`)
}

function readTypes(reader: OptionReader): ReadonlySet<string> {
  const isAssertionType = (typ: string) => typ !== '' && !isForeignType(typ)
  const further = reader.strings('types', 'a `typ` that means an assertion and nothing else', isAssertionType) ?? []
  return further.length === 0 ? DEFAULT_TYPES : new Set([...DEFAULT_TYPES, ...further.map(normaliseType)])
}
