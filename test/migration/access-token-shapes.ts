/** The type and the claims of an access token, as an identity provider documents them, without those of every token. */
export interface AccessTokenShape {
  typ: string | undefined
  claims: Readonly<Record<string, unknown>>
}

const OWN_AUDIENCE = 'https://api.example.com'

export const ACCESS_TOKEN_SHAPES: Readonly<Record<string, AccessTokenShape>> = {
  'RFC 9068': { typ: 'at+jwt', claims: {} },
  'Auth0, its own profile': {
    typ: 'JWT',
    claims: {
      client_id: undefined,
      jti: undefined,
      aud: [OWN_AUDIENCE, 'https://acme.auth0.example/userinfo'],
      azp: 'mSP1dJwqqHxMkTvm',
      scope: 'openid profile',
      permissions: ['orders:read'],
    },
  },
  Okta: {
    typ: undefined,
    claims: {
      client_id: undefined,
      scope: undefined,
      ver: 1,
      jti: 'AT.0mP4JKAZX1iACIT4vbEDF7LpvDVjxypPMf0D7uX39RE',
      cid: '0oa4fgxeirKDDVg8x5d7',
      uid: '00u4fgxeirKDDVg8x5d7',
      scp: ['openid', 'orders:read'],
    },
  },
  'Microsoft Entra ID, version 2.0': {
    typ: 'JWT',
    claims: {
      client_id: undefined,
      jti: undefined,
      scope: undefined,
      azp: '8f2f2d1c-6b5e-4a8b-9d37-2f8f4f4f7a11',
      azpacr: '1',
      oid: '3f0d5f6e-74a1-4f0a-8f55-9f0d2b1c7c55',
      tid: '9188040d-6c67-4c5b-b112-36a304b66dad',
      uti: 'x1y2z3',
      scp: 'Orders.Read',
      ver: '2.0',
    },
  },
  Keycloak: {
    typ: 'JWT',
    claims: {
      client_id: undefined,
      aud: [OWN_AUDIENCE, 'account'],
      typ: 'Bearer',
      azp: 'shop',
      sid: '5d2b0b0f-9d0e-4b1c-8d7e-3c1d1c6a2a10',
      acr: '1',
      realm_access: { roles: ['offline_access'] },
      scope: 'email profile',
    },
  },
}
