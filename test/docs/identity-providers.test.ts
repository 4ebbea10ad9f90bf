import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import request from 'supertest'
import { loadConfig } from '../../src/config/index.js'
import { readExchangeOptions } from '../../src/exchange/options.js'
import { DEFAULT_LIMITS } from '../../src/identity-provider/assertion-limits.js'
import { createJwtExchange, type IdentityProviderOptions, type JwtExchangeOptions } from '../../src/index.js'
import { findBindings } from '../../src/policy/binding.js'
import { EC_CERTIFICATE } from '../support/certificates.js'
import { clientSecretOf, createDeploymentFile } from '../support/deployment-file.js'
import { type ExchangeHost, GRANT_TYPE, ISSUER, startExchangeHost } from '../support/exchange-host.js'

type Claims = Readonly<Record<string, unknown>>

/** An assertion that a recipe is for, and what others must not have. */
interface Sample {
  vendor: string
  /** Which of the vendor's blocks. */
  block?: number
  header?: Claims
  claims: Claims
  becomes: { sub: string; scope: string }
  refused: readonly [fact: string, changes: Claims, reason: string, claim?: string][]
}

const RECIPES = readFileSync('docs/identity-providers.md', 'utf8')
const VENDORS = [
  'Okta',
  'Microsoft Entra ID',
  'Auth0',
  'Keycloak',
  'WSO2 Identity Server',
  'Google',
  'GitHub Actions',
  'GitLab CI',
  'Kubernetes',
  'AWS Cognito',
]
/** What a reader pastes recipes below. */
const [HEAD = ''] = blocksOf(RECIPES)
const SECRETS = { APP_SECRET: clientSecretOf('app'), CI_SECRET: clientSecretOf('ci') }
const TENANT = '11111111-2222-3333-4444-555555555555'
const OTHER_TENANT = '99999999-2222-3333-4444-555555555555'

const file = createDeploymentFile()
afterAll(() => file.remove())

function sectionOf(vendor: string): string {
  return RECIPES.split(/^## /m).find((section) => section.startsWith(`${vendor}\n`)) ?? ''
}

function blocksOf(text: string): string[] {
  return [...text.matchAll(/^```toml\n(.*?)^```$/gms)].map(([, toml = '']) => toml)
}

function load(block: string): JwtExchangeOptions {
  for (const [, name = ''] of block.matchAll(/"([\w-]+\.pem)"/g)) file.writeBeside(name, EC_CERTIFICATE)
  file.write(HEAD + block)
  return loadConfig(file.path, { env: { ...SECRETS, KUBERNETES_TOKEN: 'a-token-of-the-tests' } })
}

const BLOCKS = VENDORS.flatMap((vendor) =>
  blocksOf(sectionOf(vendor)).map((block, index) => ({ vendor, index, block })),
)

describe('docs/identity-providers.md', () => {
  it.each(VENDORS)('has a recipe for %s, its row in the table, and where that is from', (vendor) => {
    expect(blocksOf(sectionOf(vendor))).not.toEqual([])
    expect(RECIPES).toContain(`\n| ${vendor} | `)
    expect(sectionOf(vendor)).toMatch(/^- From: [^#]*`[\w.-]+\/[^`]+`/m)
  })

  it('has no block but the head of the file that belongs to none of them', () => {
    expect(blocksOf(RECIPES)).toEqual([HEAD, ...BLOCKS.map(({ block }) => block)])
  })

  it.each(BLOCKS)('has a block for $vendor ($index) that can be pasted into a file', ({ block }) => {
    const options = load(block)
    createJwtExchange(options).close()
    expect(options.identityProviders).toHaveLength(1)
  })

  it.each(BLOCKS)('says in the block for $vendor ($index) who is accepted, and for what', ({ block }) => {
    const [provider] = load(block).identityProviders
    expect(provider).toEqual(
      expect.objectContaining({
        name: expect.stringMatching(/^https:\/\//),
        alias: expect.any(String),
        jwksUri: expect.stringMatching(/^https:\/\//),
      }),
    )
    const {
      allowedSubjects: subjects = [],
      requiredClaims: claims = {},
      scopes,
      bindings,
      groupsToScopes,
    } = provider as IdentityProviderOptions
    expect(subjects).not.toBe('any')
    expect([...subjects, ...Object.keys(claims)]).not.toEqual([])
    expect(scopes ?? bindings ?? groupsToScopes).toBeDefined()
  })

  it('has recipes that go into one file together', () => {
    const firsts = VENDORS.map((vendor) => blocksOf(sectionOf(vendor))[0] ?? '')
    const options = load(firsts.join('\n'))
    createJwtExchange(options).close()
    expect(options.identityProviders).toHaveLength(VENDORS.length)
  })

  it('tells the limits that the code has', () => {
    const { maxAge, maxLifetime, replay } = DEFAULT_LIMITS
    expect(RECIPES).toContain(`\`max_age\` is ${maxAge} seconds since \`iat\``)
    expect(RECIPES).toContain(`\`max_lifetime\` ${maxLifetime} seconds until \`exp\``)
    expect(RECIPES).toContain(`With \`replay = "${replay}"\`, a token is accepted ${replay},`)
  })

  it('is right that has_word holds for one scope of Entra alone, and that the pattern does not', () => {
    const [, inline = ''] = /`(when = { scp = { has_word = "Orders\.Write" } })`/.exec(RECIPES) ?? []
    const [block = ''] = blocksOf(sectionOf('Microsoft Entra ID'))
    const holds = (when: string, scp: string) => {
      const options = load(block.replace(/^when = .*$/m, when))
      const [provider] = readExchangeOptions(options).identityProviders
      return findBindings(provider?.policy.bindings ?? [], { scp }, 'app').length === 1
    }
    expect(RECIPES).toContain('`"*Orders.Write*"` would also hold for `Orders.WriteAll`')
    expect([holds(inline, 'User.Read Orders.Write'), holds(inline, 'Orders.WriteAll')]).toEqual([true, false])
    expect(holds('when = { scp = "*Orders.Write*" }', 'Orders.WriteAll')).toBe(true)
  })

  it('is right that the type of access tokens cannot be allowed', () => {
    expect(RECIPES).toContain('`types` cannot allow `at+jwt`')
    expect(() => load(`${blocksOf(sectionOf('Okta'))[0]}types = ["at+jwt"]\n`)).toThrow(/types/)
  })
})

const SAMPLES: readonly Sample[] = [
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
    claims: { sub: '112233445566778899001', azp: '112233445566778899001', jti: undefined },
    becomes: { sub: 'https://accounts.google.com|112233445566778899001', scope: 'orders:read' },
    refused: [
      ['the service account of somebody else', { sub: '2', azp: '2' }, 'subject_not_allowed'],
      ['a token for a client', { azp: 'x.apps.googleusercontent.com' }, 'claim_not_allowed', 'azp'],
    ],
  },
  {
    vendor: 'GitHub Actions',
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
    becomes: { sub: 'github|5678|refs/heads/main', scope: 'orders:read orders:write' },
    refused: [
      ['another repository', { sub: 'repo:acme/other:ref:refs/heads/main' }, 'subject_not_allowed'],
      ['a repository registered again', { repository_id: '9999' }, 'claim_not_allowed', 'repository_id'],
      ['an owner registered again', { repository_owner_id: '4321' }, 'claim_not_allowed', 'repository_owner_id'],
      ['the ids of others in sub', { sub: 'repo:acme@4321/orders@9999:ref:refs/heads/main' }, 'subject_not_allowed'],
      ['a pull request', { event_name: 'pull_request' }, 'claim_not_allowed', 'event_name'],
    ],
  },
  {
    vendor: 'GitLab CI',
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
    becomes: { sub: 'gitlab|20|refs/heads/main', scope: 'orders:write' },
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
    header: { typ: undefined },
    claims: kubernetesClaims('shop', 'orders'),
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

/** The same identity provider, but for where its keys come from. */
function startHost(block: string): Promise<ExchangeHost> {
  const { identityProviders, ...options } = load(block)
  const { jwksUri: _, ca: _ca, headers: _headers, ...provider } = identityProviders[0] as IdentityProviderOptions
  return startExchangeHost({
    idp: { name: provider.name, alias: provider.alias ?? '' },
    identityProvider: provider,
    exchange: { clients: options.clients ?? [], subject: options.subject ?? 'raw' },
  })
}

async function exchange(host: ExchangeHost, { claims, header = {} }: Pick<Sample, 'claims' | 'header'>) {
  const assertion = await host.idp.issueAssertion(claims, header)
  const eventsBefore = host.events.length
  const { status, body } = await request(host.url)
    .post('/oauth2/token')
    .auth('ci', clientSecretOf('ci'))
    .type('form')
    .send({ grant_type: GRANT_TYPE, assertion })
  const event = host.events.slice(eventsBefore).find(({ name }) => name.startsWith('token.'))
  return { status, body, event }
}

describe.each(SAMPLES.map((sample) => ({ block: 0, ...sample })))(
  'the recipe for $vendor ($block)',
  ({ vendor, block, becomes, refused, ...sample }) => {
    let host: ExchangeHost
    beforeAll(async () => {
      host = await startHost(blocksOf(sectionOf(vendor))[block] ?? '')
    })
    afterAll(() => host?.close())

    it('takes the assertion that it is for', async () => {
      const { status, body, event } = await exchange(host, sample)
      expect({ status, reason: event?.reason }).toEqual({ status: 200, reason: undefined })
      const { sub, scope } = JSON.parse(Buffer.from(body.access_token.split('.')[1], 'base64url').toString())
      expect({ sub, scope }).toEqual(becomes)
    })

    it.each(refused.map((each) => ({ fact: each[0], each })))('refuses $fact', async ({ each }) => {
      const [, changes, reason, claim] = each
      const { status, event } = await exchange(host, { ...sample, claims: { ...sample.claims, ...changes } })
      expect({ status, reason: event?.reason, claim: event?.claim }).toEqual({ status: 400, reason, claim })
    })

    it('refuses the type of RFC 9068', async () => {
      const { status, event } = await exchange(host, { ...sample, header: { typ: 'at+jwt' } })
      expect({ status, reason: event?.reason }).toEqual({ status: 400, reason: 'type_not_allowed' })
    })
  },
)

/** Starts the host of a vendor's first block, and closes it whatever comes of it. */
async function withHost<Result>(vendor: string, use: (host: ExchangeHost) => Promise<Result>): Promise<Result> {
  const host = await startHost(blocksOf(sectionOf(vendor))[0] ?? '')
  try {
    return await use(host)
  } finally {
    await host.close()
  }
}

function sampleOf(vendor: string): Pick<Sample, 'claims' | 'header'> {
  const { claims = {}, header = {} } = SAMPLES.find((each) => each.vendor === vendor) ?? {}
  return { claims, header }
}

describe('the recipes', () => {
  it('have a sample of each block', () => {
    const sampled = SAMPLES.map(({ vendor, block = 0 }) => ({ vendor, index: block }))
    expect(sampled).toEqual(BLOCKS.map(({ vendor, index }) => ({ vendor, index })))
  })

  it.each([
    ['the newer sub of GitHub Actions', 'GitHub Actions', 'repo:acme@1234/orders@5678:ref:refs/heads/main'],
    ['a sub of GitLab CI that begins with the id', 'GitLab CI', 'project_id:20:ref_type:branch:ref:main'],
  ])('take %s', async (_fact, vendor, sub) => {
    const { claims } = sampleOf(vendor)
    const { status, event } = await withHost(vendor, (host) => exchange(host, { claims: { ...claims, sub } }))
    expect({ status, reason: event?.reason }).toEqual({ status: 200, reason: undefined })
  })

  it.each([
    ['Kubernetes', 'again, as it is read from the file', undefined],
    ['GitHub Actions', 'once', 'replayed'],
  ])('take a token of %s %s', async (vendor, _often, reason) => {
    const { claims, header = {} } = sampleOf(vendor)
    const sample = { claims: { ...claims, jti: 'the same' }, header }
    const [first, second] = await withHost(vendor, async (host) => [
      await exchange(host, sample),
      await exchange(host, sample),
    ])
    expect([first?.status, second?.event?.reason]).toEqual([200, reason])
  })
})
