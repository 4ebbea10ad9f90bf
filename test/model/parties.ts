import { createHash, type KeyObject, X509Certificate } from 'node:crypto'
import {
  type ClientOptions,
  generateSigningKey,
  type IdentityProviderOptions,
  type JwtExchangeOptions,
} from '../../src/index.js'
import {
  createCertificateAuthority,
  distinguishedName,
  type IssuedCertificate,
} from '../support/certificate-authority.js'
import { AUDIENCE, GRANT_TYPE, ISSUER, TOKEN_ENDPOINT } from '../support/exchange-host.js'
import { generatePair } from '../support/generate-pair.js'

export const OWN_GRANT = 'urn:example:grant-type:own'
export const BEARER_GRANT = GRANT_TYPE

/** A registered identity provider, as the rules read it. Its `aud` is the token endpoint. */
export interface ProviderParty {
  /** Its `name`, unless other entries have the same one. */
  id: string
  name: string
  /** The entry is for assertions with this `group` only; undefined: for all. */
  onlyGroup?: string
  keys: readonly string[]
  enabled: boolean
  /** Whether its assertions are accepted without a client. */
  clientIsOptional: boolean
  /** undefined: no bound of its own. */
  scopes?: readonly string[]
  /** What `sub` must begin with. */
  subjects: string
  replay: 'once' | 'allow'
  soleAudience: boolean
  bindings: readonly { name: string; group?: string; clients?: readonly string[]; scopes: readonly string[] }[]
}

/** A registered client, as the rules read it. It has one credential. */
export interface ClientParty {
  id: string
  secret?: string
  keys?: readonly string[]
  /** An assertion of this provider about this subject. */
  assertedBy?: { provider: string; subject: string }
  /** A certificate by our authority with this subject. */
  subjectDn?: string
  /** One of these certificates. */
  certificates?: readonly string[]
  scopes: readonly string[]
  /** undefined: all. */
  providers?: readonly string[]
  /** undefined: all. */
  grantTypes?: readonly string[]
}

const PLAIN = {
  enabled: true,
  clientIsOptional: false,
  subjects: '',
  replay: 'once',
  soleAudience: false,
  bindings: [],
} as const

const TRUST_DOMAIN = 'spiffe://example.org'

export const PROVIDERS: readonly ProviderParty[] = [
  party('strict', { replay: 'allow' }),
  party('open', { keys: ['open', 'open too'], clientIsOptional: true, scopes: ['read', 'write'] }),
  party('bound', {
    clientIsOptional: true,
    soleAudience: true,
    bindings: [
      { name: 'staff', group: 'staff', scopes: ['read'] },
      { name: 'certain clients', clients: ['app', 'signer'], scopes: ['write', 'admin'] },
    ],
  }),
  party('off', { enabled: false, clientIsOptional: true, scopes: ['read'] }),
  party('picky', { subjects: 'alice', scopes: ['read', 'admin'] }),
  party('shared', { id: 'shared, staff', onlyGroup: 'staff', clientIsOptional: true, scopes: ['admin'] }),
  party('shared', { id: 'shared, guests', onlyGroup: 'guests', scopes: ['read'] }),
  party('domain', { id: TRUST_DOMAIN, name: TRUST_DOMAIN }),
]

function party(name: string, others: Partial<ProviderParty>): ProviderParty {
  const url = `https://${name}.example.com`
  return { ...PLAIN, id: url, name: url, keys: [name], ...others }
}

const ALL = ['read', 'write', 'admin']
const OPEN = 'https://open.example.com'

export const CLIENTS: readonly ClientParty[] = [
  { id: 'app', secret: 'secret-of-the-app-1', scopes: ALL },
  { id: 'odd+id %41', secret: 'secret+of %2Bthe odd:one', scopes: ['read'] },
  { id: 'twin one', secret: 'secret-of-both-twins', scopes: ['read'] },
  { id: 'twin+one', secret: 'secret-of-both-twins', scopes: ['write'] },
  { id: 'scopeless', secret: 'secret-of-no-scopes', scopes: [] },
  { id: 'of-certain-providers', secret: 'secret-of-certain', scopes: ALL, providers: [OPEN, 'shared, staff'] },
  { id: 'of-own-grant', secret: 'secret-of-own-grant', scopes: ALL, grantTypes: [OWN_GRANT] },
  { id: 'signer', keys: ['signer', 'signer too'], scopes: ALL },
  { id: 'other-signer', keys: ['other signer'], scopes: ['read'], grantTypes: [BEARER_GRANT] },
  { id: 'by-name', subjectDn: 'CN=by-name,O=Example', scopes: ['read', 'admin'] },
  { id: 'by-certificate', certificates: ['pinned', 'pinned, expired'], scopes: ['write'] },
  { id: 'workload', assertedBy: { provider: OPEN, subject: 'account:workload' }, scopes: ALL },
  { id: 'guest', assertedBy: { provider: 'shared, guests', subject: 'account:guest' }, scopes: ['read'] },
  // The provider accepts no such subject, so nothing authenticates it.
  { id: 'refused', assertedBy: { provider: 'https://picky.example.com', subject: 'bob' }, scopes: ALL },
  { id: 'svid', assertedBy: { provider: TRUST_DOMAIN, subject: `${TRUST_DOMAIN}/shop` }, scopes: ALL },
  // A subject of another trust domain.
  { id: 'confused', assertedBy: { provider: TRUST_DOMAIN, subject: 'spiffe://other.example/shop' }, scopes: ALL },
]
/** It is registered by the hash of its secret. */
const HASHED = 'odd+id %41'

/** Of parties, and one of nobody. Each is its own `kid`. */
export const KEYS: readonly string[] = [
  ...new Set([...PROVIDERS, ...CLIENTS].flatMap(({ keys = [] }) => keys).concat('of nobody')),
]

/** What a certificate is, by its name here. */
export interface CertificateFacts {
  subjectDn: string
  isOfOurAuthority: boolean
  isExpired: boolean
}

const authority = createCertificateAuthority('Authority of clients')
// Not a namesake of ours: Node 20 resets connections after a signature of an authority that does not verify.
const stranger = createCertificateAuthority('Authority of nobody')
const BY_NAME = { names: [], subject: distinguishedName({ O: 'Example' }, { CN: 'by-name' }) }
const OTHER = { names: [], subject: distinguishedName({ O: 'Example' }, { CN: 'other' }) }
const EXPIRED = { validTo: new Date(Date.now() - 3_600_000) }
const dnOf = (commonName: string) => `CN=${commonName},O=Example`

export const CERTIFICATES: Readonly<Record<string, CertificateFacts & { issued: IssuedCertificate }>> = {
  named: { subjectDn: dnOf('by-name'), isOfOurAuthority: true, isExpired: false, issued: authority.issue(BY_NAME) },
  'named, expired': {
    ...{ subjectDn: dnOf('by-name'), isOfOurAuthority: true, isExpired: true },
    issued: authority.issue({ ...BY_NAME, ...EXPIRED }),
  },
  forged: { subjectDn: dnOf('by-name'), isOfOurAuthority: false, isExpired: false, issued: stranger.issue(BY_NAME) },
  'of another name': {
    subjectDn: dnOf('other'),
    isOfOurAuthority: true,
    isExpired: false,
    issued: authority.issue(OTHER),
  },
  pinned: { subjectDn: dnOf('other'), isOfOurAuthority: false, isExpired: false, issued: stranger.issue(OTHER) },
  'pinned, expired': {
    ...{ subjectDn: dnOf('other'), isOfOurAuthority: false, isExpired: true },
    issued: stranger.issue({ ...OTHER, ...EXPIRED }),
  },
}
export const CLIENT_AUTHORITY = authority.certificate

/** The keys by their names. */
export type KeyRing = ReadonlyMap<string, { key: KeyObject; publicJwk: object }>

export function generateKeys(): KeyRing {
  const pairs = KEYS.map((kid) => {
    const { publicKey, privateKey } = generatePair('ec', { namedCurve: 'P-256' })
    return [kid, { key: privateKey, publicJwk: { ...publicKey.export({ format: 'jwk' }), kid, alg: 'ES256' } }] as const
  })
  return new Map(pairs)
}

/** The options that register all parties, with a grant of the host that always needs a client. */
export function optionsOf(ring: KeyRing): JwtExchangeOptions {
  const jwksOf = (keys: readonly string[]) => ({ keys: keys.map((name) => ring.get(name)?.publicJwk) })
  return {
    issuer: ISSUER,
    identityProviders: PROVIDERS.map(({ keys, ...party }) => ({ ...providerOptions(party), jwks: jwksOf(keys) })),
    subject: 'raw',
    clients: CLIENTS.map(({ keys, ...party }) => ({ ...clientOptions(party), ...(keys && { jwks: jwksOf(keys) }) })),
    clientAuthentication: { maxFailures: 1_000_000 },
    accessToken: { audience: AUDIENCE, signingKeys: [generateSigningKey()] },
    grants: [
      {
        grantType: OWN_GRANT,
        authorize: (request, _client, { authorizeAssertion }) => authorizeAssertion(request.one('assertion')),
      },
    ],
  }
}

function providerOptions(party: Omit<ProviderParty, 'keys'>): IdentityProviderOptions {
  const { id, name, onlyGroup, enabled, clientIsOptional, scopes, subjects, replay, soleAudience, bindings } = party
  return {
    name,
    ...(onlyGroup && { id, registration: { claim: 'group', value: onlyGroup } }),
    enabled,
    alias: TOKEN_ENDPOINT,
    clientAuthentication: clientIsOptional ? 'optional' : 'required',
    allowedSubjects: subjects === '' ? 'any' : [`${subjects}*`],
    replay,
    soleAudience,
    ...(scopes && { scopes }),
    ...(bindings.length > 0 && {
      bindings: bindings.map(({ group, ...binding }) => ({ ...binding, ...(group && { when: { group } }) })),
    }),
  }
}

function clientOptions(party: Omit<ClientParty, 'keys'>): ClientOptions {
  const { id: clientId, secret, assertedBy, subjectDn, certificates, scopes, providers, grantTypes } = party
  const sha256 = (text: string) => createHash('sha256').update(text).digest('hex')
  const thumbprintOf = (name: string) => new X509Certificate(CERTIFICATES[name]?.issued.cert ?? '').fingerprint256
  const isHashed = clientId === HASHED
  return {
    clientId,
    ...(secret && (isHashed ? { clientSecretHash: `sha256:${sha256(secret)}` } : { clientSecret: secret })),
    ...(assertedBy && { assertedBy: { identityProvider: assertedBy.provider, subject: assertedBy.subject } }),
    ...(subjectDn && { certificate: { subjectDn } }),
    ...(certificates && { certificate: { sha256Thumbprints: certificates.map(thumbprintOf) } }),
    scopes,
    ...(providers && { identityProviders: providers }),
    ...(grantTypes && { grantTypes }),
  }
}
