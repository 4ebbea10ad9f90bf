import {
  createJwtExchange,
  createResourceServer,
  type generateSigningKey,
  type IdentityProviderOptions,
  type IssuerOptions,
  type ResourceServer,
  type ResourceServerOptions,
} from '../../src/index.js'
import { AUDIENCE, CLIENT, ISSUER, TOKEN_ENDPOINT } from '../support/exchange-host.js'
import { LOGIN_CLIENT, OTHER_RESOURCE, SIGNER, WITHOUT_ROUTES, WORKLOAD } from './token-kinds.js'

/** An identity provider that is an authorization server, too, and puts the same `aud` into all its tokens. */
export const ISSUER_OF_ALL = 'https://idp.example.com'
/** Its access tokens are not of type at+jwt, so its assertions need another `aud`. */
export const LOOSE_ISSUER = 'https://loose.example.com'
/** Registered at run time. */
export const FOUND_ISSUER = 'https://found.example.com'

/** What every place accepts that can: the same values for access tokens, assertions and ID tokens. */
export const ALL_AUDIENCES = [AUDIENCE, ISSUER, TOKEN_ENDPOINT, LOGIN_CLIENT]
export const OF_ASSERTIONS = [ISSUER, TOKEN_ENDPOINT]
export const OF_ROUTES = [AUDIENCE, LOGIN_CLIENT]
export const OF_CLIENTS = [ISSUER]

export function exchangeOptions(signingKey: ReturnType<typeof generateSigningKey>, jwks: { keys: object[] }) {
  const entry = (name: string, others: Partial<IdentityProviderOptions>): IdentityProviderOptions => ({
    ...{ name, jwks, alias: TOKEN_ENDPOINT, audiences: [ISSUER], allowedSubjects: 'any' },
    ...others,
  })
  return {
    identityProviders: [
      entry(ISSUER_OF_ALL, { audiences: ALL_AUDIENCES, accessTokens: { audience: ALL_AUDIENCES } }),
      entry(LOOSE_ISSUER, { accessTokens: { audience: OF_ROUTES, types: ['at+jwt', 'JWT', 'none'], ...SCOPES } }),
      entry(WITHOUT_ROUTES, { audiences: ALL_AUDIENCES }),
    ],
    findIdentityProvider: (name: string) =>
      name === FOUND_ISSUER ? entry(name, { audiences: ALL_AUDIENCES }) : undefined,
    subject: 'raw',
    clients: [
      CLIENT,
      { clientId: SIGNER, jwks, scopes: ['openid'] },
      { clientId: 'workload', assertedBy: { identityProvider: ISSUER_OF_ALL, subject: WORKLOAD }, scopes: ['openid'] },
    ],
    clientAuthentication: { maxFailures: 1_000_000 },
    accessToken: { audience: AUDIENCE, signingKeys: [signingKey] },
    revocation: { mode: 'check' as const },
    introspection: true,
  }
}

/** Of two resources, and with the same keys, issuers and clients. */
export function createExchangeOfTwo(signingKey: ReturnType<typeof generateSigningKey>, jwks: { keys: object[] }) {
  const audience = [...ALL_AUDIENCES, OTHER_RESOURCE]
  const ofAll = { name: ISSUER_OF_ALL, jwks, alias: TOKEN_ENDPOINT, audiences: audience, accessTokens: { audience } }
  return createJwtExchange({
    issuer: ISSUER,
    identityProviders: [{ ...ofAll, allowedSubjects: 'any' }],
    subject: 'raw',
    clients: [CLIENT],
    resources: [AUDIENCE, OTHER_RESOURCE].map((identifier) => ({ identifier })),
    accessToken: { audience: AUDIENCE, signingKeys: [signingKey] },
    revocation: { mode: 'check' },
  })
}

/** Operators that read scopes from claims that ID tokens have, too. */
const SCOPES = { scopeClaims: ['scope', 'scp', 'permissions', 'roles', 'groups'] }

/** @param endpoints where we are asked about our tokens, and where another issuer is asked about its tokens */
export function createServers(jwks: { keys: object[] }, endpoints: { ours: string; theirs: string }) {
  const { clientId, clientSecret } = CLIENT
  /** On a busy machine an answer may take long. */
  const patience = { connectionTimeout: 10_000, readTimeout: 10_000 }
  const asking = (endpoint: string) => ({ introspection: { endpoint, clientId, clientSecret, ...patience } })
  const loose = { types: ['JWT', 'none'], ...SCOPES }
  const issuer = (name: string, others: Partial<IssuerOptions> = {}): IssuerOptions => ({
    ...{ issuer: name, jwks, audience: ALL_AUDIENCES },
    ...others,
  })
  const create = (options: ResourceServerOptions) => createResourceServer(options)
  return {
    strict: create(issuer(ISSUER_OF_ALL)),
    loose: create(issuer(ISSUER_OF_ALL, loose)),
    several: create({
      issuers: [
        issuer(ISSUER, { audience: AUDIENCE }),
        issuer(ISSUER_OF_ALL),
        issuer(LOOSE_ISSUER, { ...loose, types: ['at+jwt', 'JWT', 'none'] }),
      ],
      subject: 'raw',
    }),
    introspecting: create({
      issuers: [
        issuer(ISSUER, { audience: AUDIENCE, ...asking(endpoints.ours) }),
        issuer(ISSUER_OF_ALL, asking(endpoints.theirs)),
      ],
      subject: 'raw',
    }),
    opaque: create({ issuer: ISSUER_OF_ALL, audience: ALL_AUDIENCES, opaque: true, ...asking(endpoints.theirs) }),
  } satisfies Record<string, ResourceServer>
}
export type Servers = ReturnType<typeof createServers>
