import { importRegistrations } from '../../../src/admin/import-format.js'
import { type FuzzTarget, hold, thrownBy } from '../fuzz-target.js'

const SECRET = 'a-secret-of-the-document'
/** Options that say who is accepted, or what they may obtain. */
const GRANTING = ['allowedSubjects', 'requiredClaims', 'check', 'scopes', 'bindings', 'groupsToScopes', 'audiences']
const WSO2 = {
  name: 'https://idp.example.com',
  idpIssuerName: 'https://issuer.example.com',
  alias: 'https://api.example.com',
  isEnabled: true,
  certificate: { jwksUri: 'https://idp.example.com/keys', certificates: ['MIIB'] },
  federatedAuthenticators: { authenticators: [{ properties: [{ key: 'ClientSecret', value: SECRET }] }] },
  idpProperties: [{ name: 'jwksUri', value: 'https://idp.example.com/keys' }],
}
const KEYCLOAK = {
  alias: 'partner',
  providerId: 'oidc',
  enabled: true,
  config: {
    issuer: 'https://idp.example.com',
    useJwksUrl: 'false',
    publicKeySignatureVerifier: SECRET,
    clientSecret: SECRET,
    jwtAuthorizationGrantMaxAllowedAssertionExpiration: '300',
  },
}

/** Any text as a document of another server. */
export function importTarget(): FuzzTarget {
  const realm = {
    identityProviders: [KEYCLOAK],
    identityProviderMappers: [{ identityProviderAlias: 'partner', config: { secret: SECRET } }],
  }
  return {
    name: 'importRegistrations',
    seeds: [WSO2, [WSO2], { identityProviders: [WSO2] }, KEYCLOAK, realm].map((document) => JSON.stringify(document)),
    words: [
      '"',
      ':',
      ',',
      '{',
      '}',
      '[',
      ']',
      'null',
      'true',
      '"true"',
      '1e400',
      '"allowedSubjects":"any",',
      '"__proto__":',
    ],
    check: (input) => {
      const document = parse(input.toString('utf8'))
      for (const format of [undefined, 'wso2', 'keycloak'] as const) checkImport(document, format)
    },
  }
}

function checkImport(document: unknown, format: 'wso2' | 'keycloak' | undefined): void {
  const outcome = thrownBy(() => importRegistrations(document, format), 'TypeError')
  if ('error' in outcome) {
    hold(!outcome.error.message.includes(SECRET), 'no secret is repeated')
    hold(/^(?:the document|identity provider)\b/.test(outcome.error.message), 'the refusal is one that was meant')
    return
  }
  for (const { registration, notMapped } of outcome.result) {
    hold(!GRANTING.some((option) => Object.hasOwn(registration, option)), 'nothing is granted')
    hold(
      notMapped.every(({ path }) => path.length <= 800 && /^[\x20-\x7e]*$/.test(path)),
      'a path is one short line',
    )
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}
