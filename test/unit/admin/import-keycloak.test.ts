import { describe, expect, it } from '@jest/globals'
import { importRegistrations } from '../../../src/admin/import-format.js'
import { importKeycloak } from '../../../src/admin/import-keycloak.js'
import { generateSigningKey } from '../../../src/index.js'
import { EC_CERTIFICATE, POINT_AT_INFINITY, toPem } from '../../support/certificates.js'
import { generatePair } from '../../support/generate-pair.js'

const SECRET = 'secret-that-nobody-may-see'
const RSA = generatePair('rsa', { modulusLength: 2048 })
const EC = generatePair('ec', { namedCurve: 'P-256' })
const pemOf = ({ publicKey }: typeof RSA) => String(publicKey.export({ format: 'pem', type: 'spki' }))
const bareOf = (pair: typeof RSA) => pemOf(pair).replace(/-----[^-]+-----|\n/g, '')

/** As Keycloak exports a provider for login. */
const BROKERED = {
  alias: 'partner',
  displayName: 'The partner',
  internalId: '7cf3fd74-8d3a-4c8d-b651-fcc885df8a31',
  providerId: 'oidc',
  enabled: true,
  updateProfileFirstLoginMode: 'on',
  trustEmail: false,
  storeToken: false,
  addReadTokenRoleOnCreate: false,
  authenticateByDefault: false,
  linkOnly: false,
  firstBrokerLoginFlowAlias: 'first broker login',
  config: {
    issuer: 'https://login.partner.example/realms/main',
    useJwksUrl: 'true',
    jwksUrl: 'https://login.partner.example/realms/main/protocol/openid-connect/certs',
    validateSignature: 'true',
    clientId: 'our-keycloak',
    clientSecret: SECRET,
    clientAuthMethod: 'client_secret_post',
    authorizationUrl: 'https://login.partner.example/realms/main/protocol/openid-connect/auth',
    tokenUrl: 'https://login.partner.example/realms/main/protocol/openid-connect/token',
    filteredByClaim: 'true',
    claimFilterName: 'hd',
    claimFilterValue: '^example\\.com$',
    syncMode: 'FORCE',
  },
}

const OF_GRANT = {
  alias: 'pipelines',
  providerId: 'jwt-authorization-grant',
  enabled: true,
  config: {
    issuer: 'https://token.example/ci',
    jwksUrl: 'https://token.example/ci/keys',
    useJwksUrl: 'true',
    jwtAuthorizationGrantEnabled: 'true',
    jwtAuthorizationGrantAssertionReuseAllowed: 'false',
    jwtAuthorizationGrantMaxAllowedAssertionExpiration: '300',
    jwtAuthorizationGrantAssertionSignatureAlg: 'RS256',
    jwtAuthorizationGrantAllowedClockSkew: '30',
    jwtAuthorizationGrantLimitAccessTokenExp: 'true',
  },
}

const REALM = {
  realm: 'main',
  users: [{ username: 'alice', credentials: [{ secretData: SECRET }] }],
  identityProviders: [BROKERED, OF_GRANT],
  identityProviderMappers: [
    { name: 'role', identityProviderAlias: 'other', identityProviderMapper: 'oidc-role-idp-mapper', config: {} },
    {
      name: 'role',
      identityProviderAlias: 'partner',
      identityProviderMapper: 'oidc-role-idp-mapper',
      config: { secret: SECRET },
    },
  ],
}

const importConfig = (config: object) => importKeycloak({ alias: 'a', providerId: 'oidc', config })[0]

describe('a document that is not from Keycloak', () => {
  it.each<[string, unknown, string]>([
    ['a text', SECRET, 'the document is a string'],
    ['a realm without identity providers', { ...REALM, identityProviders: [] }, 'has no identity providers'],
    [
      'a realm whose list is none',
      { realm: 'main', identityProviders: SECRET },
      'identity provider 1 has no providerId',
    ],
    [
      'an entry without providerId',
      { identityProviders: [BROKERED, { alias: SECRET }] },
      'identity provider 2 has no providerId',
    ],
    ['a list with null', [null], 'identity provider 1 is null'],
  ])('is refused if it is %s, without an echo', (_, document, message) => {
    const act = () => importKeycloak(document)
    expect(act).toThrow(TypeError)
    expect(act).toThrow(message)
    expect(act).not.toThrow(SECRET)
  })
})

describe('an identity provider of Keycloak', () => {
  it('has id, display name, issuer and key set, also in the export of a realm', () => {
    const [partner, pipelines] = importRegistrations(REALM)
    expect(partner?.registration).toEqual({
      id: 'partner',
      displayName: 'The partner',
      name: 'https://login.partner.example/realms/main',
      jwksUri: 'https://login.partner.example/realms/main/protocol/openid-connect/certs',
    })
    expect(pipelines?.registration.name).toBe('https://token.example/ci')
    expect(JSON.stringify(importRegistrations(REALM))).not.toContain(SECRET)
  })

  it('names every other member that has a value, and its mappers', () => {
    const [partner] = importKeycloak(REALM)
    expect(partner?.notMapped.map(({ path }) => path)).toEqual([
      'config.clientId',
      'config.clientSecret',
      'config.clientAuthMethod',
      'config.authorizationUrl',
      'config.tokenUrl',
      'config.filteredByClaim',
      'config.claimFilterName',
      'config.claimFilterValue',
      'config.syncMode',
      'internalId',
      'updateProfileFirstLoginMode',
      'trustEmail',
      'storeToken',
      'addReadTokenRoleOnCreate',
      'authenticateByDefault',
      'linkOnly',
      'firstBrokerLoginFlowAlias',
      'identityProviderMappers[1]',
    ])
    expect(partner?.notMapped.find(({ path }) => path === 'config.claimFilterValue')?.why).toContain('requiredClaims')
  })

  it('keeps the rules of the JWT authorization grant', () => {
    const [imported] = importKeycloak(OF_GRANT)
    expect(imported).toEqual({
      registration: {
        id: 'pipelines',
        name: 'https://token.example/ci',
        jwksUri: 'https://token.example/ci/keys',
        maxLifetime: 300,
        clockTolerance: 30,
        algorithms: ['RS256'],
        maxBeyondAssertion: 0,
        replay: 'once',
      },
      notMapped: [],
    })
  })

  it.each<[string, Record<string, string>, string]>([
    [
      'reuse of assertions',
      { jwtAuthorizationGrantAssertionReuseAllowed: 'true' },
      'jwtAuthorizationGrantAssertionReuseAllowed',
    ],
    [
      'a symmetric algorithm',
      { jwtAuthorizationGrantAssertionSignatureAlg: 'HS256' },
      'jwtAuthorizationGrantAssertionSignatureAlg',
    ],
    [
      'a clock skew of a day',
      { jwtAuthorizationGrantAllowedClockSkew: '86400' },
      'jwtAuthorizationGrantAllowedClockSkew',
    ],
    [
      'a lifetime of 0',
      { jwtAuthorizationGrantMaxAllowedAssertionExpiration: '0' },
      'jwtAuthorizationGrantMaxAllowedAssertionExpiration',
    ],
    ['signatures that are not verified', { validateSignature: 'false' }, 'validateSignature'],
    ['several issuers', { issuer: 'https://one.example,https://two.example' }, 'issuer'],
    ['a flag that is no flag', { useJwksUrl: 'maybe' }, 'useJwksUrl'],
  ])('has no setting for %s, and says so', (_, config, member) => {
    const imported = importConfig(config)
    expect(imported?.registration).toEqual({ id: 'a' })
    expect(imported?.notMapped).toEqual([{ path: `config.${member}`, why: expect.any(String) }])
  })

  it.each<[string, object]>([
    ['the provider is off', { enabled: false }],
    ['its JWT authorization grant is off', { config: { jwtAuthorizationGrantEnabled: 'false' } }],
  ])('is disabled here if %s there', (_, more) => {
    expect(importKeycloak({ alias: 'a', providerId: 'oidc', ...more })[0]?.registration.enabled).toBe(false)
  })

  it('is not usable if its type signs no JWT', () => {
    const [imported] = importKeycloak({
      alias: 'old',
      providerId: 'saml',
      config: { entityId: 'https://idp.example', signingCertificate: SECRET },
    })
    expect(imported?.registration).toEqual({ id: 'old' })
    expect(imported?.notMapped.map(({ path }) => path)).toEqual([
      'providerId',
      'config.entityId',
      'config.signingCertificate',
    ])
    expect(JSON.stringify(imported)).not.toContain(SECRET)
  })

  it('says nothing about who is accepted', () => {
    for (const { registration } of importKeycloak(REALM)) {
      const restricting = [
        'allowedSubjects',
        'requiredClaims',
        'check',
        'scopes',
        'bindings',
        'groupsToScopes',
        'alias',
      ]
      expect(Object.keys(registration).filter((name) => restricting.includes(name))).toEqual([])
    }
  })
})

describe('a saved public key', () => {
  const { d: _, ...publicMembers } = generateSigningKey('ES256') as Record<string, unknown>
  it.each<[string, string, unknown]>([
    ['PEM text', pemOf(RSA), { ...RSA.publicKey.export({ format: 'jwk' }), kid: 'k1' }],
    ['base64 without its lines', bareOf(RSA), { ...RSA.publicKey.export({ format: 'jwk' }), kid: 'k1' }],
    ['an EC key', pemOf(EC), { ...EC.publicKey.export({ format: 'jwk' }), kid: 'k1' }],
    ['a JWK set', JSON.stringify({ keys: [publicMembers] }), publicMembers],
    ['a JWK', JSON.stringify(publicMembers), publicMembers],
  ])('becomes a fixed key set from %s', (_, text, jwk) => {
    const config = { useJwksUrl: 'false', publicKeySignatureVerifier: text, publicKeySignatureVerifierKeyId: 'k1' }
    expect(importConfig(config)).toEqual({ registration: { id: 'a', jwks: { keys: [jwk] } }, notMapped: [] })
  })

  it('becomes certificates from a certificate', () => {
    expect(importConfig({ publicKeySignatureVerifier: EC_CERTIFICATE })?.registration).toEqual({
      id: 'a',
      certificates: [EC_CERTIFICATE],
    })
  })

  it.each<[string, string]>([
    ['a secret', SECRET],
    ['a private JWK', JSON.stringify({ keys: [publicMembers, { ...generateSigningKey('ES256') }] })],
    ['a symmetric JWK', JSON.stringify({ kty: 'oct', k: SECRET })],
    ['a private key', String(EC.privateKey.export({ format: 'pem', type: 'pkcs8' }))],
    ['an empty key set', '{"keys":[]}'],
    ['more than 100 keys', JSON.stringify({ keys: Array(101).fill(publicMembers) })],
    ['a key at infinity', toPem(POINT_AT_INFINITY, 'PUBLIC KEY')],
    ['broken JSON', '{"keys":'],
  ])('is not made from %s, and there is no echo of it', (_, text) => {
    const imported = importConfig({ useJwksUrl: 'false', publicKeySignatureVerifier: text })
    expect(imported).toEqual({
      registration: { id: 'a' },
      notMapped: [{ path: 'config.publicKeySignatureVerifier', why: expect.stringContaining('not a public key') }],
    })
  })

  it('is used instead of the JWKS endpoint, as Keycloak does, and the other way round', () => {
    const keys = { jwksUrl: 'https://idp.example/keys', publicKeySignatureVerifier: pemOf(EC) }
    const saved = importConfig({ ...keys, useJwksUrl: 'false' })
    expect([saved?.registration.jwksUri, saved?.notMapped.map(({ path }) => path)]).toEqual([
      undefined,
      ['config.jwksUrl'],
    ])
    const fetched = importConfig({ ...keys, useJwksUrl: 'true' })
    expect([fetched?.registration, fetched?.notMapped.map(({ path }) => path)]).toEqual([
      { id: 'a', jwksUri: 'https://idp.example/keys' },
      ['config.publicKeySignatureVerifier'],
    ])
  })
})
