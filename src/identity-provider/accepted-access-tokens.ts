import type { IntrospectionSettings } from '../introspection/introspection-options.js'
import type { AsymmetricAlgorithm } from '../jwt/algorithms.js'
import { isForeignType, normaliseType } from '../jwt/parse-jwt.js'
import { ACCESS_TOKEN_TYPE, isScopeToken } from '../oauth/scope.js'
import { option } from '../option-checks/config-error.js'
import type { OptionReader } from '../option-checks/option-reader.js'
import type { PolicySettings } from '../policy/policy.js'
import { type PolicyOptions, readPolicyOfAccessTokens } from '../policy/policy-options.js'
import { readScopeClaims, type ScopeClaim } from '../policy/scope-claim.js'
import { type AssertionLimits, type AssertionOptions, DEFAULT_LIMITS, readTokenLimits } from './assertion-limits.js'

/**
 * Which access tokens of an identity provider routes accept, and what these may do. One token is accepted any number of times.
 *
 * @example
 * const accessTokens: AcceptedAccessTokenOptions = {
 *   audience: 'https://api.example.com',
 *   types: ['at+jwt', 'JWT'],
 *   scopeClaims: ['scope', 'permissions'],
 * }
 */
export interface AcceptedAccessTokenOptions
  extends Pick<PolicyOptions, 'requiredClaims' | 'check' | 'groupsToScopes' | 'groupsClaim' | 'singleAsArray'>,
    Omit<AssertionOptions, 'replay' | 'algorithms'> {
  /** The `aud` that its access tokens must contain: 1 or more, compared exactly (RFC 9068 §4). */
  audience: string | readonly string[]
  /**
   * The accepted values of the header `typ`. `JWT`, and `none` for tokens without `typ`, are for identity providers that do not follow
   * RFC 9068: a token with them must also have a claim that ID tokens do not have; see `accessTokenClaims`. Default: `at+jwt`.
   */
  types?: readonly string[]
  /** The accepted signature algorithms, asymmetric ones only. Default: all of them. */
  algorithms?: readonly AsymmetricAlgorithm[]
  /**
   * The accepted `sub`s, as for assertions, or `'any'`. Default: `allowedSubjects` of the identity provider in an exchange, and
   * all in a resource server.
   */
  allowedSubjects?: readonly string[] | 'any'
  /**
   * The paths of the claims that hold the scopes of a token, 1 or more: each a string of scopes with spaces between them, or an
   * array of scopes. All that are present count together. Default: `scope` and `scp`.
   */
  scopeClaims?: readonly string[]
  /** The scopes that its tokens can have here: others in them do not count. Default: `scopes` of the identity provider, or all. */
  scopes?: readonly string[]
  /**
   * The names of claims, 1 or more, of which a token that is not of type `at+jwt` must have one, because ID tokens have none of
   * them. Default: `scope`, `scp`, `client_id`, `cid`, `appid`, and `gty`, `azpacr` and `appidacr`. The claims `typ: Bearer` and
   * `token_use: access` count as well.
   */
  accessTokenClaims?: readonly string[]
}

/** The same, checked. */
export interface AcceptedAccessTokenSettings {
  audiences: ReadonlySet<string>
  /** In lower case and without `application/`. */
  types: ReadonlySet<string>
  /** Whether a token may have no `typ`. */
  mayLackType: boolean
  limits: AssertionLimits
  policy: PolicySettings
  /** undefined: all that a token has. */
  scopes: ReadonlySet<string> | undefined
  scopeClaims: readonly ScopeClaim[]
  /** Names of claims that ID tokens do not have. */
  accessTokenClaims: readonly string[]
  /** Where the issuer is asked about its tokens; undefined: it is not asked. */
  introspection: IntrospectionSettings | undefined
  /** Whether the answer of the issuer alone says what a token is. */
  isOpaque: boolean
}

const A_YEAR = 31_536_000
/** They were issued for many uses, and may be valid for long: their dates bound them. */
const LIMITS: AssertionLimits = { ...DEFAULT_LIMITS, maxAge: A_YEAR, maxLifetime: A_YEAR, replay: 'allow' }
const NO_TYPE = 'none'
/**
 * Not all `scopeClaims`: roles, groups and permissions are in ID tokens, too. Nor `azp`: an ID token for another party than its
 * audience has it (OpenID Connect Core §2). The last three say how a client authenticated itself, at Auth0 and Microsoft Entra.
 */
const ACCESS_TOKEN_CLAIMS = ['scope', 'scp', 'client_id', 'cid', 'appid', 'gty', 'azpacr', 'appidacr']
const AUDIENCE = 'a non-empty string: it is compared exactly'
const TYPE = 'a `typ` that means an access token: at+jwt, JWT, or none for tokens without `typ`'
const SCOPE = 'a scope token (RFC 6749 §3.3)'

/**
 * Reads the options of one issuer of access tokens. What is not set comes from `base`.
 *
 * @param reader of which the caller refuses unknown options
 */
export function readAcceptedAccessTokens(
  reader: OptionReader,
  base: { policy?: PolicySettings; scopes?: ReadonlySet<string> | undefined } = {},
): AcceptedAccessTokenSettings {
  const types = readTypes(reader)
  const scopes = reader.strings('scopes', SCOPE, isScopeToken)
  const scopeClaims = readScopeClaims(reader, 'scopeClaims') ?? [pathOf('scope'), pathOf('scp')]
  return {
    audiences: readAudiences(reader),
    types: new Set(types.filter((type) => type !== NO_TYPE)),
    mayLackType: types.includes(NO_TYPE),
    limits: { ...readTokenLimits(reader, LIMITS), replay: 'allow' },
    policy: readPolicyOfAccessTokens(reader, base.policy),
    scopes: scopes === undefined ? base.scopes : new Set(scopes),
    scopeClaims,
    accessTokenClaims: reader.someStrings('accessTokenClaims', 'the name of a claim') ?? ACCESS_TOKEN_CLAIMS,
    introspection: undefined,
    isOpaque: false,
  }
}

/** An assertion that anybody may present once must not become an access token that is good for many requests. */
export function readAccessTokensOfProvider(
  reader: OptionReader,
  { audiences, policy, scopes }: Pick<AcceptedAccessTokenSettings, 'audiences' | 'policy' | 'scopes'>,
): AcceptedAccessTokenSettings | undefined {
  if (!reader.has('accessTokens')) return undefined
  const own = reader.object('accessTokens')
  const accepted = readAcceptedAccessTokens(own, { policy, scopes })
  own.refuseUnknown()
  const isOfAssertions = [...accepted.audiences].some((audience) => audiences.has(audience))
  if (isOfAssertions && (accepted.mayLackType || accepted.types.size > 1 || !accepted.types.has(ACCESS_TOKEN_TYPE))) {
    const slip = 'assertions have this `aud`, and without the type at+jwt they could pass as access tokens'
    own.note('conflict', 'audience', `${slip}; choose another one, or remove ${option('types')}`)
  }
  return accepted
}

function readAudiences(reader: OptionReader): ReadonlySet<string> {
  if (Array.isArray(reader.value('audience'))) return new Set(reader.someStrings('audience', AUDIENCE))
  return new Set([reader.string('audience', 'a non-empty string or an array of them')])
}

function readTypes(reader: OptionReader): readonly string[] {
  const isType = (typ: string) => typ !== '' && (normaliseType(typ) === ACCESS_TOKEN_TYPE || !isForeignType(typ))
  return (reader.someStrings('types', TYPE, isType) ?? [ACCESS_TOKEN_TYPE]).map(normaliseType)
}

function pathOf(name: string): ScopeClaim {
  return { path: name, at: { segments: [name], indexesArrays: false } }
}
