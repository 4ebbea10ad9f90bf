import { ISSUER } from './exchange-host.js'

export type Claims = Readonly<Record<string, unknown>>

/** An assertion that a recipe of docs/identity-providers.md is for, and what others must not have. */
export interface Sample {
  vendor: string
  /** Which of the vendor's blocks. */
  block?: number
  header?: Claims
  claims: Claims
  /** Whether the assertion alone is enough: its caller has no secret of ours. */
  alone?: boolean
  becomes: { sub: string; scope: string }
  refused: readonly [fact: string, changes: Claims, reason: string, claim?: string][]
}

const TENANT = '11111111-2222-3333-4444-555555555555'
const OTHER_TENANT = '99999999-2222-3333-4444-555555555555'

export const SAMPLES: readonly Sample[] = [
  {
    vendor: 'Okta',
    header: { typ: undefined },
    claims: { sub: 'jo@example.com', uid: '00u1jo', cid: '0oa1portal', groups: ['Everyone', 'orders-readers'] },
    becomes: { sub: 'okta|00u1jo', scope: 'orders:read' },
    refused: [
      ['another client', { cid: '0oa9other' }, 'claim_not_allowed', 'cid'],
      ['a client without a user', { uid: undefined, sub: '0oa1portal' }, 'claim_not_allowed', 'uid'],
      ['somebody of no group', { groups: ['Everyone'] }, 'no_binding_matches'],
    ],
  },
  {
    vendor: 'Microsoft Entra ID',
    alone: true,
    claims: {
      sub: 'pairwise',
      oid: 'o-1',
      tid: TENANT,
      ver: '2.0',
      idtyp: 'app',
      azp: 'bbbbbbbb-cccc-dddd-eeee-ffffffffffff',
      azpacr: '1',
      roles: ['Orders.Write'],
      uti: 'u',
      jti: undefined,
    },
    becomes: { sub: `entra|${TENANT}|o-1`, scope: 'orders:read orders:write' },
    refused: [
      ['another tenant', { tid: OTHER_TENANT }, 'claim_not_allowed', 'tid'],
      [
        'the issuer of another tenant',
        { iss: `https://login.microsoftonline.com/${OTHER_TENANT}/v2.0` },
        'unknown_issuer',
      ],
      ['another application', { azp: 'other' }, 'claim_not_allowed', 'azp'],
      ['a token of a user', { idtyp: undefined }, 'claim_not_allowed', 'idtyp'],
      ['an application without a secret', { azpacr: '0' }, 'claim_not_allowed', 'azpacr'],
      ['an application without the role', { roles: ['Orders.Read'] }, 'no_binding_matches'],
      ['a token for Graph', { aud: 'https://graph.microsoft.com' }, 'wrong_audience'],
    ],
  },
  {
    vendor: 'Microsoft Entra ID',
    block: 1,
    claims: { sub: 's', oid: 'o-1', tid: TENANT, ver: '1.0', appid: 'bbbbbbbb-cccc-dddd-eeee-ffffffffffff' },
    becomes: { sub: `entra1|${TENANT}|o-1`, scope: 'orders:read' },
    refused: [
      ['another tenant', { tid: OTHER_TENANT }, 'claim_not_allowed', 'tid'],
      ['version 2', { ver: '2.0' }, 'claim_not_allowed', 'ver'],
      ['an issuer without the slash', { iss: `https://sts.windows.net/${TENANT}` }, 'unknown_issuer'],
    ],
  },
  {
    vendor: 'Auth0',
    claims: {
      sub: 'auth0|123',
      azp: 'portal-client-id',
      org_id: 'org_1acme',
      permissions: ['write:orders'],
      aud: ['https://acme.eu.auth0.com/userinfo', `${ISSUER}/token`],
      jti: undefined,
    },
    becomes: { sub: 'auth0|auth0|123', scope: 'orders:write' },
    refused: [
      ['another organization', { org_id: 'org_2other' }, 'claim_not_allowed', 'org_id'],
      ['another client', { azp: 'other' }, 'claim_not_allowed', 'azp'],
      ['somebody without the permission', { permissions: [] }, 'no_binding_matches'],
    ],
  },
  {
    vendor: 'Keycloak',
    claims: { sub: 'f:1:jo', azp: 'orders-batch', realm_access: { roles: ['orders-writer'] }, typ: 'Bearer' },
    becomes: { sub: 'https://sso.example.com/realms/acme|f:1:jo', scope: 'orders:read orders:write' },
    refused: [
      ['another client', { azp: 'account-console' }, 'claim_not_allowed', 'azp'],
      ['another role', { realm_access: { roles: ['default-roles-acme'] } }, 'no_binding_matches'],
      ['an ID token', { aud: 'orders-batch' }, 'wrong_audience'],
      ['a token without an audience', { aud: undefined }, 'invalid_audience'],
    ],
  },
  {
    vendor: 'WSO2 Identity Server',
    header: { typ: undefined },
    claims: {
      sub: 'u-1',
      azp: 'orders-portal-client-id',
      aud: ['orders-portal-client-id', `${ISSUER}/token`],
      nbf: 1,
    },
    becomes: { sub: 'https://is.example.com/oauth2/token|u-1', scope: 'orders:read' },
    refused: [
      ['another application', { azp: 'other' }, 'claim_not_allowed', 'azp'],
      ['an ID token for the application alone', { aud: 'orders-portal-client-id' }, 'wrong_audience'],
    ],
  },
  {
    vendor: 'Google',
    alone: true,
    claims: { sub: '112233445566778899001', azp: '112233445566778899001', jti: undefined },
    becomes: { sub: 'https://accounts.google.com|112233445566778899001', scope: 'orders:read' },
    refused: [
      ['the service account of somebody else', { sub: '2', azp: '2' }, 'subject_not_allowed'],
      ['a token for a client', { azp: 'x.apps.googleusercontent.com' }, 'claim_not_allowed', 'azp'],
    ],
  },
  {
    vendor: 'GitHub Actions',
    alone: true,
    claims: {
      sub: 'repo:acme/orders:environment:production',
      repository: 'acme/orders',
      repository_id: '5678',
      repository_owner_id: '1234',
      ref: 'refs/heads/main',
      environment: 'production',
      runner_environment: 'github-hosted',
      event_name: 'push',
    },
    becomes: { sub: 'github|5678|refs/heads/main', scope: 'orders:write orders:read' },
    refused: [
      ['another repository', { sub: 'repo:acme/other:ref:refs/heads/main' }, 'subject_not_allowed'],
      ['a repository registered again', { repository_id: '9999' }, 'claim_not_allowed', 'repository_id'],
      ['an owner registered again', { repository_owner_id: '4321' }, 'claim_not_allowed', 'repository_owner_id'],
      ['the ids of others in sub', { sub: 'repo:acme@4321/orders@9999:ref:refs/heads/main' }, 'subject_not_allowed'],
      ['a token without jti', { jti: undefined }, 'invalid_jwt_id'],
      ['a token for several services', { aud: [`${ISSUER}/token`, 'other'] }, 'several_audiences'],
      ['a pull request', { event_name: 'pull_request' }, 'claim_not_allowed', 'event_name'],
    ],
  },
  {
    vendor: 'GitLab CI',
    alone: true,
    claims: {
      sub: 'project_path:acme/orders:ref_type:branch:ref:main',
      namespace_id: '72',
      project_id: '20',
      ref_protected: 'true',
      ref_path: 'refs/heads/main',
      pipeline_source: 'push',
      environment: 'production',
      environment_protected: 'true',
    },
    becomes: { sub: 'gitlab|20|refs/heads/main', scope: 'orders:read orders:write' },
    refused: [
      ['another project', { sub: 'project_path:acme/other:ref_type:branch:ref:main' }, 'subject_not_allowed'],
      ['a path registered again', { project_id: '21' }, 'claim_not_allowed', 'project_id'],
      ['a branch that is not protected', { ref_protected: 'false' }, 'claim_not_allowed', 'ref_protected'],
      ['a merge request', { pipeline_source: 'merge_request_event' }, 'claim_not_allowed', 'pipeline_source'],
      ['a job without the environment', { environment: undefined }, 'no_binding_matches'],
    ],
  },
  {
    vendor: 'Kubernetes',
    alone: true,
    header: { typ: undefined },
    claims: { aud: [`${ISSUER}/token`], ...kubernetesClaims('shop', 'orders') },
    becomes: { sub: 'k8s|production|uid-of-orders', scope: 'orders:read' },
    refused: [
      ['another service account', kubernetesClaims('shop', 'default'), 'subject_not_allowed'],
      ['another namespace', kubernetesClaims('evil', 'orders'), 'subject_not_allowed'],
      [
        'another namespace under our subject',
        { ...kubernetesClaims('evil', 'orders'), sub: 'system:serviceaccount:shop:orders' },
        'claim_not_allowed',
        '"kubernetes.io".namespace',
      ],
      [
        'a token that no pod has',
        { 'kubernetes.io': { namespace: 'shop', serviceaccount: { name: 'orders', uid: 'u' } } },
        'claim_not_allowed',
        '/kubernetes.io/pod/name',
      ],
      ['a token of more than an hour', { exp: Math.floor(Date.now() / 1000) + 86_400 }, 'lifetime_too_long'],
      ['a token without exp', { exp: undefined }, 'invalid_expiry'],
    ],
  },
  {
    vendor: 'AWS Cognito',
    header: { typ: undefined },
    claims: { sub: 'uuid', token_use: 'id', 'cognito:groups': ['orders-admins'] },
    becomes: { sub: cognito('uuid'), scope: 'orders:read orders:write' },
    refused: [
      ['an access token', { aud: undefined, token_use: 'access', client_id: '1app2client3id' }, 'invalid_audience'],
      ['another kind of token', { token_use: 'access' }, 'claim_not_allowed', 'token_use'],
      ['another app client', { aud: 'other' }, 'wrong_audience'],
      ['somebody of no group', { 'cognito:groups': undefined }, 'no_binding_matches'],
    ],
  },
  {
    vendor: 'AWS Cognito',
    block: 1,
    header: { typ: undefined },
    claims: { sub: 'uuid', token_use: 'access', client_id: '1app2client3id' },
    becomes: { sub: cognito('uuid'), scope: 'orders:read' },
    refused: [
      ['an access token without a resource', { aud: undefined }, 'invalid_audience'],
      ['another app client', { client_id: 'other' }, 'claim_not_allowed', 'client_id'],
    ],
  },
  {
    vendor: 'A key of your own',
    alone: true,
    claims: { sub: 'orders-batch', prn: 'orders-batch', jti: undefined },
    becomes: { sub: 'https://batch.example.com|orders-batch', scope: 'orders:read' },
    refused: [
      ['another subject', { sub: 'somebody' }, 'subject_not_allowed'],
      ['an assertion without a subject', { sub: undefined }, 'invalid_subject'],
      ['a token of more than an hour', { exp: Math.floor(Date.now() / 1000) + 86_400 }, 'lifetime_too_long'],
    ],
  },
]

function cognito(sub: string): string {
  return `https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_Abc123def|${sub}`
}

function kubernetesClaims(namespace: string, account: string): Claims {
  const serviceaccount = { name: account, uid: `uid-of-${account}` }
  return {
    sub: `system:serviceaccount:${namespace}:${account}`,
    'kubernetes.io': { namespace, serviceaccount, pod: { name: `${account}-1`, uid: 'uid-of-pod' } },
  }
}
