import { describe, expect, it } from '@jest/globals'
import { importRegistrations } from '../../../src/admin/import-format.js'
import { importWso2 } from '../../../src/admin/import-wso2.js'
import { type ConfigProblem, createJwtExchange, generateSigningKey } from '../../../src/index.js'
import { EC_CERTIFICATE, EC_CERTIFICATE_KEY, RSA_CERTIFICATE } from '../../support/certificates.js'
import { AUDIENCE, CLIENT, ISSUER } from '../../support/exchange-host.js'

const SECRET = 'secret-that-nobody-may-see'
const base64 = (text: string) => Buffer.from(text).toString('base64')

/** As `GET /api/server/v1/identity-providers/{id}` answers. */
const FROM_API = {
  id: '123e4567-e89b-12d3-a456-556642440000',
  name: 'https://exampleidp.com/oauth2/default',
  description: 'The identity provider of the partner',
  isEnabled: true,
  isPrimary: false,
  isFederationHub: false,
  image: '',
  alias: 'https://localhost:9443/oauth2/token',
  certificate: { jwksUri: 'https://exampleidp.com/oauth2/default/v1/keys' },
  idpIssuerName: '',
  claims: {
    userIdClaim: { uri: 'http://wso2.org/claims/username' },
    roleClaim: { uri: '' },
    mappings: [{ idpClaim: 'country', localClaim: { uri: 'http://wso2.org/claims/country' } }],
  },
  roles: { mappings: [{ idpRole: 'manager', localRole: 'Internal/manager' }], outboundProvisioningRoles: [] },
  groups: [],
  federatedAuthenticators: {
    defaultAuthenticatorId: 'T3BlbklEQ29ubmVjdEF1dGhlbnRpY2F0b3I',
    authenticators: [
      {
        authenticatorId: 'T3BlbklEQ29ubmVjdEF1dGhlbnRpY2F0b3I',
        name: 'OpenIDConnectAuthenticator',
        isEnabled: true,
        properties: [
          { key: 'ClientId', value: 'an-app' },
          { key: 'ClientSecret', value: SECRET },
        ],
      },
    ],
  },
  provisioning: { jit: { isEnabled: false, scheme: 'PROVISION_SILENTLY', userstore: 'PRIMARY' } },
}

/** As the console exports it as JSON. */
const FROM_FILE = {
  identityProviderName: 'partner',
  identityProviderDescription: null,
  displayName: null,
  alias: 'https://localhost:9443/oauth2/token',
  primary: false,
  federationHub: false,
  homeRealmId: '',
  enable: false,
  certificate: base64(RSA_CERTIFICATE),
  certificateInfoArray: [{ thumbPrint: 'a1b2', certValue: base64(RSA_CERTIFICATE) }],
  federatedAuthenticatorConfigs: [
    { name: 'OpenIDConnectAuthenticator', properties: [{ name: 'ClientSecret', value: SECRET, confidential: true }] },
  ],
  idpProperties: [
    { name: 'jwksUri', value: 'https://partner.example/keys' },
    { name: 'idpIssuerName', value: 'https://partner.example' },
    { name: 'isTrustedTokenIssuer', value: 'true' },
    { name: 'modifyPassword', value: '' },
  ],
  resourceId: '0b3d1e0e-3a57-4a43-9a5b-7d1f1a2b3c4d',
}

describe('a document that is not from WSO2 IS', () => {
  const circle: Record<string, unknown> = { name: 'https://idp.example' }
  circle.self = circle
  it.each<[string, unknown, string]>([
    ['nothing', undefined, 'the document cannot be written as JSON'],
    ['null', null, 'the document is null'],
    ['a number', 7, 'the document is a number'],
    ['YAML', `identityProviderName: partner\nsecret: ${SECRET}`, 'export as JSON, not as YAML or XML'],
    ['an empty list', [], 'the document has no identity providers'],
    ['an empty list in a list response', { totalResults: 0, identityProviders: [] }, 'has no identity providers'],
    ['a list of texts', { identityProviders: [SECRET] }, 'identity provider 1 is a string'],
    ['an entry without a name', [FROM_API, { alias: SECRET }], 'identity provider 2 has no name'],
    ['a name that is a number', { name: 7 }, 'identity provider 1 has no name'],
    ['a circle', circle, 'the document cannot be written as JSON'],
    ['a BigInt', { name: 'x', id: 7n }, 'the document cannot be written as JSON'],
    [
      'a getter that throws',
      {
        name: 'x',
        get id() {
          throw new Error(SECRET)
        },
      },
      'cannot be written as JSON',
    ],
    ['more than 4 MiB', { name: 'x', image: 'x'.repeat(4_194_304) }, 'has more than 4194304 characters'],
    ['1001 identity providers', Array(1001).fill(FROM_API), 'more than 1000 identity providers'],
    [
      '30 000 unknown members',
      Object.fromEntries([['name', 'x'], ...Array.from({ length: 30_000 }, (_, i) => [`m${i}`, 1])]),
      'too many members',
    ],
  ])('is refused if it is %s, without an echo', (_, document, message) => {
    const act = () => importWso2(document)
    expect(act).toThrow(TypeError)
    expect(act).toThrow(message)
    expect(act).not.toThrow(SECRET)
  })

  it('is refused if it nests 100 000 levels deep', () => {
    let deep: unknown = {}
    for (let level = 0; level < 100_000; level += 1) deep = [deep]
    expect(() => importWso2({ name: 'x', claims: deep })).toThrow(TypeError)
  })

  it('is not recognised if its names are of no known server', () => {
    expect(() => importRegistrations({ issuer: SECRET })).toThrow(
      'neither an identity provider of WSO2 IS nor of Keycloak',
    )
    expect(() => importRegistrations({ issuer: SECRET })).not.toThrow(SECRET)
  })
})

describe('an identity provider of WSO2 IS', () => {
  it('has name, alias, JWKS endpoint and description of the REST API', () => {
    const [imported] = importWso2(FROM_API)
    expect(imported?.registration).toEqual({
      name: 'https://exampleidp.com/oauth2/default',
      alias: 'https://localhost:9443/oauth2/token',
      jwksUri: 'https://exampleidp.com/oauth2/default/v1/keys',
      description: 'The identity provider of the partner',
    })
  })

  it('names every other member that has a value, with a reason', () => {
    const [imported] = importWso2({
      ...FROM_API,
      certificate: { samlMetadataUri: 'https://idp.example/saml' },
      custom: 1,
    })
    expect(imported?.notMapped.map(({ path }) => path)).toEqual([
      'certificate.samlMetadataUri',
      'id',
      'isPrimary',
      'isFederationHub',
      'claims',
      'roles',
      'federatedAuthenticators',
      'provisioning',
      'custom',
    ])
    expect(imported?.notMapped.every(({ why }) => why.length > 10)).toBe(true)
  })

  it('has the issuer name of an exported file as name, and its own name as display name', () => {
    const [imported] = importWso2(FROM_FILE)
    expect(imported?.registration).toEqual({
      name: 'https://partner.example',
      displayName: 'partner',
      alias: 'https://localhost:9443/oauth2/token',
      jwksUri: 'https://partner.example/keys',
      certificates: [RSA_CERTIFICATE],
      enabled: false,
    })
    expect(imported?.notMapped.map(({ path }) => path)).toEqual([
      'idpProperties.isTrustedTokenIssuer',
      'primary',
      'federationHub',
      'federatedAuthenticatorConfigs',
      'resourceId',
    ])
  })

  it.each<[string, unknown]>([
    ['PEM text', { certificates: [RSA_CERTIFICATE, EC_CERTIFICATE] }],
    ['base64 of PEM text', { certificates: [base64(RSA_CERTIFICATE), base64(EC_CERTIFICATE)] }],
    [
      'base64 of PEM text with two certificates',
      { certificates: [base64(RSA_CERTIFICATE.trim() + EC_CERTIFICATE.trim())] },
    ],
    [
      'base64 of certificates',
      { certificates: [RSA_CERTIFICATE, EC_CERTIFICATE].map((pem) => pem.replace(/-----[^-]+-----|\n/g, '')) },
    ],
    [
      'PEM text with CRLF',
      { certificates: [RSA_CERTIFICATE, EC_CERTIFICATE].map((pem) => pem.replaceAll('\n', '\r\n')) },
    ],
    [
      'one text with a list',
      JSON.stringify([RSA_CERTIFICATE, EC_CERTIFICATE].map((pem) => ({ certValue: base64(pem), thumbPrint: 'a1' }))),
    ],
  ])('has its certificates as PEM text when they are %s', (_, certificate) => {
    const [imported] = importWso2({ name: 'https://idp.example', certificate })
    expect(imported).toEqual({
      registration: { name: 'https://idp.example', certificates: [RSA_CERTIFICATE, EC_CERTIFICATE] },
      notMapped: [],
    })
  })

  it.each<[string, unknown, string]>([
    ['a private key', { certificates: [EC_CERTIFICATE_KEY] }, 'certificate.certificates[0]'],
    [
      'a private key as base64',
      { certificates: [RSA_CERTIFICATE, base64(EC_CERTIFICATE_KEY)] },
      'certificate.certificates[1]',
    ],
    ['a number', { certificates: [7] }, 'certificate.certificates[0]'],
    ['garbage', '[not JSON', 'certificate'],
    ['no list', { certificates: SECRET }, 'certificate.certificates'],
    ['a number instead of an object', 7, 'certificate'],
  ])('has no certificate from %s, and no echo of it', (_, certificate, path) => {
    const [imported] = importWso2({ name: 'https://idp.example', certificate })
    expect(imported?.notMapped).toEqual([{ path, why: expect.any(String) }])
    expect(JSON.stringify(imported)).not.toMatch(/PRIVATE|secret-that/)
  })

  it('has no member whose value is of the wrong type', () => {
    const entry = {
      name: 'https://idp.example',
      alias: ['a'],
      isEnabled: 'perhaps',
      idpProperties: [7, { name: 'jwksUri', value: 7 }],
    }
    const [imported] = importWso2(entry)
    expect(imported?.registration).toEqual({ name: 'https://idp.example' })
    expect(imported?.notMapped).toEqual([
      { path: 'idpProperties[0]', why: 'this property has no counterpart here' },
      { path: 'idpProperties.jwksUri', why: 'this property has no counterpart here' },
      { path: 'alias', why: 'got an array; expected text' },
      { path: 'isEnabled', why: 'got another text; expected true or false' },
    ])
  })

  it('never shows a secret, and says nothing about who is accepted', () => {
    const imported = importWso2([FROM_API, FROM_FILE])
    expect(JSON.stringify(imported)).not.toContain(SECRET)
    for (const { registration } of imported) {
      expect(Object.keys(registration)).not.toEqual(expect.arrayContaining(['allowedSubjects']))
      expect(problemsOf(registration).map(({ message }) => message)).toEqual([
        expect.stringContaining('nothing restricts who is accepted'),
      ])
    }
  })

  it('is accepted as soon as somebody says who is accepted', () => {
    for (const { registration } of importWso2([FROM_API, FROM_FILE])) {
      expect(problemsOf({ ...registration, allowedSubjects: ['service-*'] })).toEqual([])
    }
  })

  it('has no prototype of its document', () => {
    const document: unknown = JSON.parse(
      '{"name":"https://idp.example","__proto__":{"alias":"a","allowedSubjects":"any"},"constructor":{"x":1}}',
    )
    const [imported] = importWso2(document)
    expect(imported?.registration).toEqual({ name: 'https://idp.example' })
    expect(imported?.notMapped.map(({ path }) => path)).toEqual(['__proto__', 'constructor'])
  })

  it('is one of several in an answer of the list, and in a list', () => {
    const names = (document: unknown) => importRegistrations(document).map(({ registration }) => registration.name)
    expect(names({ totalResults: 2, identityProviders: [FROM_API, FROM_FILE] })).toEqual([
      FROM_API.name,
      'https://partner.example',
    ])
    expect(names([FROM_FILE])).toEqual(['https://partner.example'])
  })

  it('has member names in one line of at most 200 characters', () => {
    const [imported] = importWso2({ name: 'x', ['line\nbreak\u001b[31m'.padEnd(5000, 'x')]: 1 })
    const path = imported?.notMapped[0]?.path ?? ''
    expect([path.length <= 200, /[^\x20-\x7e]/.test(path)]).toEqual([true, false])
  })
})

/** What the options of an exchange say about an entry. */
function problemsOf(registration: object): readonly ConfigProblem[] {
  const { description: _, displayName: __, ...entry } = registration as Record<string, unknown>
  try {
    createJwtExchange({
      issuer: ISSUER,
      identityProviders: [entry as never],
      clients: [CLIENT],
      accessToken: { audience: AUDIENCE, signingKeys: [generateSigningKey()] },
    }).close()
    return []
  } catch (error) {
    return (error as { problems: readonly ConfigProblem[] }).problems
  }
}
