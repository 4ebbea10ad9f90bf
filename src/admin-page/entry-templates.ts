import type { Entry } from './entry.js'
import { type EntryTemplate, WORKLOAD_TEMPLATES } from './workload-templates.js'

/**
 * As in docs/identity-providers.md, but without the files that they name, and without `subject`: entries that are registered
 * at run time share one.
 */
export const TEMPLATES: readonly EntryTemplate[] = [
  {
    title: 'Okta',
    about: 'Access tokens of a custom authorization server. The org authorization server does not fit.',
    examples: [
      'api.example.com',
      'acme.okta.com',
      'aus1orders2server3id',
      '0oa1portal',
      '0oa2mobile',
      'orders-admins',
      'orders-readers',
    ],
    entry: {
      name: 'https://acme.okta.com/oauth2/aus1orders2server3id',
      alias: 'https://api.example.com/oauth2/token',
      jwksUri: 'https://acme.okta.com/oauth2/aus1orders2server3id/v1/keys',
      requiredClaims: {
        cid: ['0oa1portal', '0oa2mobile'],
        uid: {
          exists: true,
          message: 'users only',
        },
      },
      groupsToScopes: {
        'orders-admins': ['orders:read', 'orders:write'],
        'orders-readers': ['orders:read'],
      },
    },
  },
  {
    title: 'Microsoft Entra ID, version 2',
    about:
      'Access tokens for an API of yours whose accepted token version is 2, here of daemons. Write one entry for each tenant.',
    examples: [
      '11111111-2222-3333-4444-555555555555',
      '66666666-7777-8888-9999-aaaaaaaaaaaa',
      'bbbbbbbb-cccc-dddd-eeee-ffffffffffff',
      'Orders.Write',
    ],
    entry: {
      name: 'https://login.microsoftonline.com/11111111-2222-3333-4444-555555555555/v2.0',
      alias: '66666666-7777-8888-9999-aaaaaaaaaaaa',
      jwksUri: 'https://login.microsoftonline.com/11111111-2222-3333-4444-555555555555/discovery/v2.0/keys',
      clientAuthentication: 'optional',
      requiredClaims: {
        tid: {
          equals: '11111111-2222-3333-4444-555555555555',
          message: 'only our tenant',
        },
        ver: '2.0',
        idtyp: 'app',
        azp: 'bbbbbbbb-cccc-dddd-eeee-ffffffffffff',
        azpacr: ['1', '2'],
      },
      bindings: [
        {
          name: 'writers',
          when: {
            roles: {
              includes: 'Orders.Write',
            },
          },
          scopes: ['orders:read', 'orders:write'],
        },
      ],
    },
  },
  {
    title: 'Microsoft Entra ID, version 1',
    about:
      'Access tokens for an API of yours whose accepted token version is 1 or null. Write one entry for each tenant.',
    examples: [
      '11111111-2222-3333-4444-555555555555',
      '66666666-7777-8888-9999-aaaaaaaaaaaa',
      'bbbbbbbb-cccc-dddd-eeee-ffffffffffff',
    ],
    entry: {
      name: 'https://sts.windows.net/11111111-2222-3333-4444-555555555555/',
      alias: 'api://66666666-7777-8888-9999-aaaaaaaaaaaa',
      jwksUri: 'https://login.microsoftonline.com/11111111-2222-3333-4444-555555555555/discovery/keys',
      scopes: ['orders:read'],
      requiredClaims: {
        tid: '11111111-2222-3333-4444-555555555555',
        ver: '1.0',
        appid: 'bbbbbbbb-cccc-dddd-eeee-ffffffffffff',
      },
    },
  },
  {
    title: 'Auth0',
    about:
      'Access tokens for an API of yours with the Auth0 profile, which is the default. The name ends with a slash.',
    examples: [
      'api.example.com',
      'acme.eu.auth0.com',
      'portal-client-id',
      'mobile-client-id',
      'org_1acme',
      'write:orders',
    ],
    entry: {
      name: 'https://acme.eu.auth0.com/',
      alias: 'https://api.example.com/oauth2/token',
      jwksUri: 'https://acme.eu.auth0.com/.well-known/jwks.json',
      requiredClaims: {
        azp: ['portal-client-id', 'mobile-client-id'],
        org_id: 'org_1acme',
      },
      bindings: [
        {
          name: 'write',
          when: {
            permissions: {
              includes: 'write:orders',
            },
          },
          scopes: ['orders:write'],
        },
      ],
    },
  },
  {
    title: 'Keycloak',
    about: 'Access tokens of a client that has a mapper of the type Audience.',
    examples: ['api.example.com', 'sso.example.com', 'realms/acme', 'orders-portal', 'orders-batch', 'orders-writer'],
    entry: {
      name: 'https://sso.example.com/realms/acme',
      alias: 'https://api.example.com/oauth2/token',
      jwksUri: 'https://sso.example.com/realms/acme/protocol/openid-connect/certs',
      requiredClaims: {
        azp: ['orders-portal', 'orders-batch'],
      },
      claimsToToken: {
        roles: 'realm_access.roles',
      },
      bindings: [
        {
          name: 'write',
          when: {
            'realm_access.roles': {
              includes: 'orders-writer',
            },
          },
          scopes: ['orders:read', 'orders:write'],
        },
      ],
    },
  },
  {
    title: 'WSO2 Identity Server',
    about:
      'ID tokens whose audiences have your alias. If its certificate is self-signed, add it as CA certificate under "How the endpoint is reached".',
    examples: ['api.example.com', 'is.example.com', 'orders-portal-client-id'],
    entry: {
      name: 'https://is.example.com/oauth2/token',
      alias: 'https://api.example.com/oauth2/token',
      jwksUri: 'https://is.example.com/oauth2/jwks',
      requiredClaims: {
        azp: 'orders-portal-client-id',
      },
      scopes: ['orders:read'],
    },
  },
  {
    title: 'AWS Cognito, ID tokens',
    about: 'ID tokens of an app client that is used for nothing else. The alias is the id of that app client.',
    examples: ['eu-central-1_Abc123def', '1app2client3id', 'orders-admins'],
    entry: {
      name: 'https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_Abc123def',
      alias: '1app2client3id',
      jwksUri: 'https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_Abc123def/.well-known/jwks.json',
      requiredClaims: {
        token_use: 'id',
      },
      groupsClaim: 'cognito:groups',
      groupsToScopes: {
        'orders-admins': ['orders:read', 'orders:write'],
      },
    },
  },
  {
    title: 'AWS Cognito, access tokens',
    about: 'Access tokens that the app requested with your token endpoint as resource.',
    examples: ['api.example.com', 'eu-central-1_Abc123def', '1app2client3id'],
    entry: {
      name: 'https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_Abc123def',
      alias: 'https://api.example.com/oauth2/token',
      jwksUri: 'https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_Abc123def/.well-known/jwks.json',
      requiredClaims: {
        token_use: 'access',
        client_id: '1app2client3id',
      },
      scopes: ['orders:read'],
    },
  },
  ...WORKLOAD_TEMPLATES,
]

/** The examples of a template that the entry still has. */
export function examplesLeft(entry: Entry, examples: readonly string[]): readonly string[] {
  const text = JSON.stringify(entry)
  return examples.filter((example) => text.includes(example))
}
