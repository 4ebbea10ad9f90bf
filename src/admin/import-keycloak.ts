import { isAsymmetricAlgorithm } from '../jwt/algorithms.js'
import { isJsonObject, ownMember } from '../jwt/parse-json-object.js'
import {
  checkNotTooMany,
  entriesOf,
  ForeignMembers,
  type ImportedRegistration,
  type NotMapped,
  optional,
  readForeignDocument,
  requireIdentityProviders,
} from './foreign-document.js'
import { readCertificateText, readPublicKeyText } from './foreign-keys.js'

type Registration = ImportedRegistration['registration']

/** The types of Keycloak whose identity providers sign JWTs with an `iss`. */
const USABLE_TYPES = ['oidc', 'keycloak-oidc', 'jwt-authorization-grant']
const OF_LOGIN = 'it is about users who sign in by a browser; here, callers present assertions'
const OF_ACCOUNTS = 'no user accounts are kept here'
const OF_CLIENT = 'here, nobody signs in at the identity provider, so no credentials for it are needed'
const OF_FILTER =
  'the condition is not converted; add it to `requiredClaims`, because Keycloak refuses tokens without it'

/** Why members of an entry have no part in a registration. */
const REASONS: Readonly<Record<string, string>> = {
  internalId: 'the id of Keycloak; `alias` became the id here',
  updateProfileFirstLogin: OF_ACCOUNTS,
  updateProfileFirstLoginMode: OF_ACCOUNTS,
  trustEmail: OF_ACCOUNTS,
  storeToken: OF_ACCOUNTS,
  addReadTokenRoleOnCreate: OF_ACCOUNTS,
  linkOnly: OF_ACCOUNTS,
  organizationId: OF_ACCOUNTS,
  authenticateByDefault: OF_LOGIN,
  hideOnLogin: OF_LOGIN,
  firstBrokerLoginFlowAlias: OF_LOGIN,
  postBrokerLoginFlowAlias: OF_LOGIN,
  types: 'the kind of trust is chosen by `clientAuthentication` and `bindings` here',
}

/** The same for members of its `config`. */
const CONFIG_REASONS: Readonly<Record<string, string>> = {
  clientId: 'Keycloak is this client there; to accept ID tokens that it gets, set `alias` to this id yourself',
  clientSecret: OF_CLIENT,
  clientAuthMethod: OF_CLIENT,
  clientAssertionSigningAlg: OF_CLIENT,
  clientAssertionAudience: OF_CLIENT,
  authorizationUrl: OF_LOGIN,
  tokenUrl: OF_LOGIN,
  userInfoUrl: OF_LOGIN,
  logoutUrl: OF_LOGIN,
  tokenIntrospectionUrl: OF_LOGIN,
  defaultScope: OF_LOGIN,
  prompt: OF_LOGIN,
  loginHint: OF_LOGIN,
  uiLocales: OF_LOGIN,
  pkceEnabled: OF_LOGIN,
  pkceMethod: OF_LOGIN,
  backchannelSupported: OF_LOGIN,
  disableUserInfo: OF_LOGIN,
  syncMode: OF_ACCOUNTS,
  guiOrder: 'it is about the console of Keycloak',
  filteredByClaim: OF_FILTER,
  claimFilterName: OF_FILTER,
  claimFilterValue: OF_FILTER,
  metadataDescriptorUrl:
    'Keycloak read it once; to read it again and again, set `discovery` to it instead of `jwksUri`',
}

/**
 * Reads the identity providers of a Keycloak realm: the export of the realm, its `identityProviders`, or one of them. Its `alias`
 * becomes `id`. Issuer, key set or public key, display name, whether it is enabled, and the rules of the JWT authorization
 * grant are mapped, and nothing else. Secrets are not read.
 *
 * @throws TypeError if it is not such a document
 */
export function importKeycloak(document: unknown): ImportedRegistration[] {
  const realm = readForeignDocument(document)
  const entries = requireIdentityProviders(entriesOf(realm))
  const mappers = ownMember(realm, 'identityProviderMappers')
  const imported = entries.map((entry, index) => importOne(entry, index + 1, Array.isArray(mappers) ? mappers : []))
  checkNotTooMany(imported)
  return imported
}

/** Whether one entry of a document has the names of Keycloak. */
export function isKeycloakIdentityProvider(entry: unknown): boolean {
  return isJsonObject(entry) && typeof ownMember(entry, 'providerId') === 'string'
}

/** @param place of the entry in the document, from 1 on */
function importOne(entry: object, place: number, mappers: readonly unknown[]): ImportedRegistration {
  if (!isKeycloakIdentityProvider(entry)) {
    throw new TypeError(`identity provider ${place} has no providerId, so it is not from Keycloak`)
  }
  const notMapped: NotMapped[] = []
  const members = new ForeignMembers(entry, notMapped)
  const type = members.text('providerId')
  if (type === undefined || !USABLE_TYPES.includes(type)) {
    members.leave('providerId', `only ${USABLE_TYPES.join(', ')} are types whose tokens can be assertions here`)
  }
  const alias = members.text('alias')
  const config = members.object('config')
  const isOff = [members.flag('enabled'), config?.flag('jwtAuthorizationGrantEnabled')].includes(false)
  const registration: Registration = {
    ...optional('id', alias),
    ...optional('displayName', members.text('displayName')),
    ...(config && { ...readIssuer(config), ...readKeys(config), ...readGrantRules(config) }),
    ...(isOff && { enabled: false }),
  }
  config?.leaveOthers(CONFIG_REASONS)
  members.leaveOthers(REASONS)
  return { registration, notMapped: [...notMapped, ...mappersOf(alias, mappers)] }
}

function readIssuer(config: ForeignMembers): Registration {
  const issuer = config.text('issuer')
  if (issuer === undefined || issuer.split(',').length === 1) return optional('name', issuer)
  config.leave('issuer', 'these are several issuers; make one registration for each')
  return {}
}

/** Keycloak uses the JWKS endpoint or the saved key, never both. */
function readKeys(config: ForeignMembers): Registration {
  if (config.flag('validateSignature') === false) {
    config.leave('validateSignature', 'signatures are always verified here')
  }
  const usesEndpoint = config.flag('useJwksUrl') ?? !config.has('publicKeySignatureVerifier')
  if (usesEndpoint) {
    config.leave('publicKeySignatureVerifier', 'Keycloak uses `jwksUrl` instead')
    config.leave('publicKeySignatureVerifierKeyId', 'Keycloak uses `jwksUrl` instead')
    return optional('jwksUri', config.text('jwksUrl'))
  }
  config.leave('jwksUrl', 'Keycloak uses the saved public key instead; `jwksUri` would follow its key rollovers')
  return readSavedKey(config)
}

function readSavedKey(config: ForeignMembers): Registration {
  const text = config.text('publicKeySignatureVerifier')?.trim()
  const kid = config.text('publicKeySignatureVerifierKeyId')
  if (text === undefined) return {}
  const certificates = readCertificateText(text)
  if (certificates !== undefined) return { certificates }
  const keys = readPublicKeyText(text, kid)
  if (keys !== undefined) return { jwks: { keys } }
  config.leave('publicKeySignatureVerifier', 'this is not a public key that can be used; secret keys are not accepted')
  return {}
}

/** The rules of Keycloak's JWT authorization grant. Each one here accepts no more than it does there. */
function readGrantRules(config: ForeignMembers): Registration {
  const name = (rule: string) => `jwtAuthorizationGrant${rule}`
  const reuse = config.flag(name('AssertionReuseAllowed'))
  if (reuse === true) {
    config.leave(
      name('AssertionReuseAllowed'),
      'an assertion is accepted once here, unless you set `replay` to "allow"',
    )
  }
  const algorithm = config.text(name('AssertionSignatureAlg'))
  const isAlgorithm = algorithm !== undefined && isAsymmetricAlgorithm(algorithm)
  if (algorithm !== undefined && !isAlgorithm) {
    config.leave(name('AssertionSignatureAlg'), 'this algorithm is not accepted here')
  }
  return {
    ...optional('maxLifetime', config.wholeNumber(name('MaxAllowedAssertionExpiration'), 1, 31_536_000)),
    ...optional('clockTolerance', config.wholeNumber(name('AllowedClockSkew'), 0, 600)),
    ...(isAlgorithm && { algorithms: [algorithm] }),
    ...(config.flag(name('LimitAccessTokenExp')) === true && { maxBeyondAssertion: 0 }),
    ...(reuse === false && { replay: 'once' }),
  }
}

function mappersOf(alias: string | undefined, mappers: readonly unknown[]): NotMapped[] {
  const why = 'mappers are not converted; see `claimsToToken`, `groupsToScopes` and `bindings` in docs/policy.md'
  return mappers.flatMap((mapper, index) => {
    const isOfEntry = isJsonObject(mapper) && ownMember(mapper, 'identityProviderAlias') === alias
    return isOfEntry && alias !== undefined ? [{ path: `identityProviderMappers[${index}]`, why }] : []
  })
}
