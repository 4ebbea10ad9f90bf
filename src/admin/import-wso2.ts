import { parseJson } from '../jwt/parse-json.js'
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
import { readCertificateText } from './foreign-keys.js'

type Registration = ImportedRegistration['registration']

const OF_LOGIN = 'it is about users who sign in by a browser; here, callers present assertions'
const OF_PROVISIONING = 'no user accounts are kept here'
const OF_ROLES = 'roles are not converted; see `groupsToScopes` and `bindings` in docs/policy.md'
const OF_CLAIMS = 'claims are not converted; see `subject` and `claimsToToken` in docs/policy.md'
const OF_CONSOLE = 'it is about the console of WSO2 IS'
const OF_SAML = 'SAML is not supported here'

/** Why members have no part in a registration, by their names in the REST API and in an exported file. */
const REASONS: Readonly<Record<string, string>> = {
  federatedAuthenticators: OF_LOGIN,
  federatedAuthenticatorConfigs: OF_LOGIN,
  defaultAuthenticatorConfig: OF_LOGIN,
  implicitAssociation: OF_LOGIN,
  homeRealmIdentifier: OF_LOGIN,
  homeRealmId: OF_LOGIN,
  isFederationHub: OF_LOGIN,
  federationHub: OF_LOGIN,
  isPrimary: OF_LOGIN,
  primary: OF_LOGIN,
  provisioning: OF_PROVISIONING,
  provisioningConnectorConfigs: OF_PROVISIONING,
  defaultProvisioningConnectorConfig: OF_PROVISIONING,
  justInTimeProvisioningConfig: OF_PROVISIONING,
  provisioningRole: OF_PROVISIONING,
  roles: OF_ROLES,
  groups: OF_ROLES,
  permissionAndRoleConfig: OF_ROLES,
  idpGroupConfig: OF_ROLES,
  claims: OF_CLAIMS,
  claimConfig: OF_CLAIMS,
  image: OF_CONSOLE,
  imageUrl: OF_CONSOLE,
  templateId: OF_CONSOLE,
  self: OF_CONSOLE,
  id: 'the id of WSO2 IS; choose one for here',
  resourceId: 'the id of WSO2 IS; choose one for here',
  samlMetadataUri: OF_SAML,
}

/**
 * Reads identity providers of WSO2 Identity Server: an answer of its REST API `/api/server/v1/identity-providers`, one or a list,
 * or a file that its console exports as JSON. The identity provider's name, or its issuer name if it has one, becomes `name`.
 * Alias, JWKS endpoint, certificates, description and whether it is enabled are mapped, and nothing else. Secrets are not read.
 *
 * @throws TypeError if it is not such a document
 */
export function importWso2(document: unknown): ImportedRegistration[] {
  const entries = requireIdentityProviders(entriesOf(readForeignDocument(document)))
  const imported = entries.map((entry, index) => importOne(entry, index + 1))
  checkNotTooMany(imported)
  return imported
}

/** Whether one entry of a document has the names of WSO2 IS. */
export function isWso2IdentityProvider(entry: unknown): boolean {
  if (!isJsonObject(entry)) return false
  return typeof ownMember(entry, 'identityProviderName') === 'string' || typeof ownMember(entry, 'name') === 'string'
}

/** @param place of the entry in the document, from 1 on */
function importOne(entry: object, place: number): ImportedRegistration {
  if (!isWso2IdentityProvider(entry)) {
    throw new TypeError(`identity provider ${place} has no name, so it is not from WSO2 IS`)
  }
  const notMapped: NotMapped[] = []
  const members = new ForeignMembers(entry, notMapped)
  const properties = readProperties(members)
  const isText = typeof ownMember(entry, 'certificate') === 'string'
  const keys = isText ? undefined : members.object('certificate')
  const texts = isText ? textsOf(members.text('certificate')) : []
  const registration: Registration = {
    ...readNames(members, properties),
    ...optional('alias', members.text('alias')),
    ...optional('jwksUri', keys?.text('jwksUri') ?? properties.jwksUri),
    ...optional('certificates', readAllCertificates(members, keys, texts)),
    ...(readEnabled(members) === false && { enabled: false }),
  }
  keys?.leaveOthers(REASONS)
  members.leaveOthers(REASONS)
  return { registration, notMapped }
}

/** `iss` is the issuer name if there is one; then the name of the identity provider is only what people call it. */
function readNames(members: ForeignMembers, { idpIssuerName }: Properties): Registration {
  const label = members.text('identityProviderName') ?? members.text('name')
  const issuer = members.text('idpIssuerName') ?? idpIssuerName
  const displayName = members.text('displayName') ?? (issuer === undefined ? undefined : label)
  const description = members.text('description') ?? members.text('identityProviderDescription')
  return {
    ...optional('name', issuer ?? label),
    ...optional('displayName', displayName),
    ...optional('description', description),
  }
}

/** Off if any of its names says so. */
function readEnabled(members: ForeignMembers): boolean {
  return !['isEnabled', 'enable', 'enabled'].map((name) => members.flag(name)).includes(false)
}

/** `idpProperties` of an exported file. */
interface Properties {
  jwksUri?: string
  idpIssuerName?: string
}

const MAPPED_PROPERTIES = ['jwksUri', 'idpIssuerName'] as const

function readProperties(members: ForeignMembers): Properties {
  const properties: Properties = {}
  for (const [index, property] of members.list('idpProperties').entries()) {
    const [name, value] = isJsonObject(property) ? [ownMember(property, 'name'), ownMember(property, 'value')] : []
    const mapped = MAPPED_PROPERTIES.find((each) => each === name)
    if (value === '' || value === null) continue
    if (mapped !== undefined && typeof value === 'string') properties[mapped] = value
    else members.leave('idpProperties', reasonOf(name), typeof name === 'string' ? `.${name}` : `[${index}]`)
  }
  return properties
}

function reasonOf(name: unknown): string {
  return name === 'samlMetadataUri' ? OF_SAML : 'this property has no counterpart here'
}

/** An exported file has one text: a certificate, or a JSON list of them. */
function textsOf(certificate: string | undefined): readonly unknown[] {
  if (certificate === undefined) return []
  if (!certificate.startsWith('[')) return [certificate]
  try {
    const infos = parseJson(certificate)
    return Array.isArray(infos) ? infos.map(certificateOf) : [certificate]
  } catch {
    return [certificate]
  }
}

function certificateOf(info: unknown): unknown {
  return isJsonObject(info) ? ownMember(info, 'certValue') : undefined
}

/** From wherever they are; each once, because an exported file has them twice. */
function readAllCertificates(
  members: ForeignMembers,
  keys: ForeignMembers | undefined,
  texts: readonly unknown[],
): string[] | undefined {
  const found = new Set<string>()
  const why = 'this is not a certificate that can be used'
  const read = (certificates: readonly unknown[], leave: (place: string) => void) => {
    for (const [index, text] of certificates.entries()) {
      const readable = readCertificateText(text)
      if (readable === undefined) leave(`[${index}]`)
      for (const each of readable ?? []) found.add(each)
    }
  }
  read(keys?.list('certificates') ?? [], (place) => keys?.leave('certificates', why, place))
  read(texts, () => members.leave('certificate', why))
  const infos = members.list('certificateInfoArray').map(certificateOf)
  read(infos, (place) => members.leave('certificateInfoArray', why, place))
  return found.size === 0 ? undefined : [...found]
}
