import type { JwksConnectionOptions } from '../guarded-fetch/connection-options.js'
import {
  type AcceptedAccessTokenOptions,
  type AcceptedAccessTokenSettings,
  readAcceptedAccessTokens,
} from '../identity-provider/accepted-access-tokens.js'
import { readIdentityProviderKeys } from '../identity-provider/identity-provider-keys.js'
import { readName } from '../identity-provider/identity-provider-name.js'
import type {
  IdentityProviderOptions,
  IdentityProviderSettings,
} from '../identity-provider/identity-provider-options.js'
import { refuseOtherConnections, refuseSharedSubjects } from '../identity-provider/read-identity-providers.js'
import { type IntrospectionOptions, readIntrospectionOptions } from '../introspection/introspection-options.js'
import type { JwksEndpointSettings } from '../jwks/jwks-endpoint-options.js'
import { isSubject } from '../jwt/check-claims.js'
import { option } from '../option-checks/config-error.js'
import { type OptionReader, refuseRepeated } from '../option-checks/option-reader.js'
import { beginningOfSubjects, RAW_SUBJECT, readSubjectMapping, type SubjectMapping } from '../policy/subject-mapping.js'

/**
 * An issuer whose access tokens are accepted, and where its keys are.
 *
 * @example
 * const auth0: IssuerOptions = {
 *   issuer: 'https://acme.eu.auth0.com/',
 *   audience: 'https://api.example.com',
 *   types: ['at+jwt', 'JWT'],
 *   scopeClaims: ['scope', 'permissions'],
 * }
 */
export interface IssuerOptions
  extends AcceptedAccessTokenOptions,
    JwksConnectionOptions,
    Pick<
      IdentityProviderOptions,
      'jwksUri' | 'certificates' | 'jwks' | 'x5cOnlyKeys' | 'keyUses' | 'enabled' | 'subject'
    > {
  /** The `iss` of its access tokens, compared exactly. */
  issuer: string
  /** What identifies it in `req.auth.identityProvider`, events and statistics. Default: the `issuer`. */
  id?: string
  /**
   * `true` reads `jwks_uri` from `{issuer}/.well-known/openid-configuration`. If that is 404, it is read from the document of RFC
   * 8414 §3.1. A URL reads that document. The `issuer` of the document must be exactly this one. Default: true, unless `jwksUri`,
   * `certificates` or `jwks` is set.
   */
  discovery?: boolean | string
  /**
   * Asks the issuer whether a token is still active (RFC 7662), in addition to all other checks: a token that it has revoked is
   * refused. Default: it is not asked.
   */
  introspection?: IntrospectionOptions
  /**
   * `true`: its tokens are opaque. What a token is and may do comes from the answer of `introspection` alone, and no key is
   * needed. Tokens that are not JWTs are asked there, and so are JWTs with this `iss`. One issuer at most may set it. Default: false.
   */
  opaque?: boolean
}

/** The other options that issuers depend on. */
export interface IssuerContext {
  jwksEndpoint: JwksEndpointSettings
  /** The default for issuers without the option `subject`. */
  subject: SubjectMapping | undefined
}

const ID = 'a non-empty string without white space around it and without invisible characters'

/** The issuers of `issuers`, or the one that the options themselves describe. */
export function readIssuers(reader: OptionReader, context: IssuerContext): IdentityProviderSettings[] {
  if (!reader.isNamed('issuers')) return [readIssuer(reader, context, 0)]
  reader.refuseBoth('issuers', 'issuer')
  const readers = reader.objects('issuers')
  if (readers.length === 0) reader.problem('issuers', 'an array of at least one issuer', undefined, 'out_of_bounds')
  const issuers = readers.map((each, index) => readIssuer(each, context, index))
  for (const each of readers) each.refuseUnknown()
  const ids = issuers.map(({ id }) => id)
  refuseRepeated(
    readers,
    'issuer',
    issuers.map(({ name }) => name),
  )
  refuseIdsOfOthers(readers, issuers)
  refuseSeveralOpaque(readers, issuers)
  refuseOtherConnections(readers, issuers)
  refuseSharedSubjects(reader, readers, ids, false)
  return issuers
}

/** The same object as an identity provider of an exchange, of which routes accept access tokens. */
function readIssuer(reader: OptionReader, context: IssuerContext, index: number): IdentityProviderSettings {
  if (reader.isNamed('tenants')) reader.note('conflict', 'tenants', 'write one entry for each tenant')
  const name = readName(reader, 'issuer')
  const id = reader.has('id') ? reader.string('id', ID, isSubject) : name
  const enabled = reader.boolean('enabled', true)
  const accessTokens = { ...readAcceptedAccessTokens(reader), ...readIntrospection(reader) }
  const { audiences, types, limits, policy, scopes } = accessTokens
  const keys = readIdentityProviderKeys(reader, {
    enabled: enabled && !accessTokens.isOpaque,
    jwksEndpoint: context.jwksEndpoint,
    nameKey: 'issuer',
    discoversByDefault: !accessTokens.isOpaque,
  })
  return {
    id,
    name,
    registration: undefined,
    alias: [...audiences][0] ?? '',
    audiences,
    enabled,
    clientAuthentication: 'required',
    scopes,
    lifetime: undefined,
    maxBeyondAssertion: undefined,
    types,
    limits,
    policy,
    subject: readSubjectMapping(reader) ?? context.subject ?? RAW_SUBJECT,
    accessTokens,
    subjectPrefix: reader.has('subject') ? beginningOfSubjects(reader.pattern('subject'), id) : undefined,
    keys,
    tenants: undefined,
    index,
  }
}

function readIntrospection(reader: OptionReader): Pick<AcceptedAccessTokenSettings, 'introspection' | 'isOpaque'> {
  const introspection = readIntrospectionOptions(reader)
  const isOpaque = reader.boolean('opaque', false)
  if (isOpaque && !reader.isNamed('introspection')) {
    reader.note('conflict', 'opaque', `without ${option('introspection')} nothing says what a token is; set it as well`)
  }
  return { introspection, isOpaque }
}

/** Nothing in an opaque token says whose it is. */
function refuseSeveralOpaque(readers: readonly OptionReader[], issuers: readonly IdentityProviderSettings[]): void {
  const first = issuers.findIndex(({ accessTokens }) => accessTokens?.isOpaque)
  for (const [index, { accessTokens }] of issuers.entries()) {
    if (index === first || accessTokens?.isOpaque !== true) continue
    readers[index]?.note(
      'conflict',
      'opaque',
      `entry ${first + 1} has it as well; only one issuer can have opaque tokens`,
    )
  }
}

/** Events and callers could take one issuer for another. */
function refuseIdsOfOthers(readers: readonly OptionReader[], issuers: readonly IdentityProviderSettings[]): void {
  for (const [index, { id }] of issuers.entries()) {
    const isOfOther = issuers.some((other, at) => at !== index && (other.id === id || other.name === id))
    if (id !== '' && isOfOther && readers[index]?.has('id')) {
      readers[index].note('not_unique', 'id', 'another entry has this `id` or `issuer`; choose another one')
    }
  }
}
