import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { loadConfig } from '../../../src/config/index.js'
import type { IdentityProviderOptions } from '../../../src/index.js'
import { type ClockedHost, startClockedHost } from '../../support/clocked-host.js'
import { createDeploymentFile, deploymentOf } from '../../support/deployment-file.js'

type Claims = Readonly<Record<string, unknown>>
/** What changes in good claims, what must become of it, and which claim and message the event names. */
type Case = [fact: string, changes: Claims, reason: string | undefined, claim?: string, message?: string]

/** The policy of one identity provider, as it stands in a file. */
function readPolicyFromToml(toml: string): Partial<IdentityProviderOptions> {
  const file = createDeploymentFile()
  try {
    file.write(`${deploymentOf()}[[identity_provider]]
name = "https://idp.example.com"
jwks_uri = "https://idp.example.com/jwks"
${toml}`)
    const [provider] = loadConfig(file.path).identityProviders ?? []
    const { name: _name, jwksUri: _jwksUri, ...policy } = provider as IdentityProviderOptions
    return policy
  } finally {
    file.remove()
  }
}

function describeRecipe(title: string, toml: string, good: Claims, cases: readonly Case[]): void {
  describe(title, () => {
    let host: ClockedHost
    beforeAll(async () => {
      host = await startClockedHost({ identityProvider: readPolicyFromToml(toml) })
    })
    afterAll(() => host.close())

    it('has twenty assertions or more', () => {
      expect(cases.length).toBeGreaterThanOrEqual(20)
    })

    it.each(cases.map((each) => ({ fact: each[0], each })))('$fact', async ({ each }) => {
      const [, changes, reason, claim, message] = each
      const eventsBefore = host.events.length
      const { status, error } = await host.judge(await host.assertion({ ...good, ...changes }))
      const event = host.events.slice(eventsBefore).find(({ name }) => name.startsWith('token.'))
      expect([status, error, event?.reason, event?.claim, event?.message]).toEqual(
        reason === undefined
          ? [200, undefined, undefined, undefined, undefined]
          : [400, 'invalid_grant', reason, claim, message],
      )
    })

    it('tells the client nothing of the rule', async () => {
      const refused = cases.find(([, , reason]) => reason === 'claim_not_allowed')
      const { body } = await host.exchangeAssertion(await host.assertion({ ...good, ...refused?.[1] }))
      expect(body).toEqual({ error: 'invalid_grant', error_description: 'The assertion is not valid' })
    })
  })
}

const REF = 'expected one of "refs/heads/main", "refs/tags/*"'

describeRecipe(
  'a provider like GitHub Actions',
  `allowed_subjects = ["repo:acme/orders:*"]
required_claims = { repository_owner_id = "1234", repository_id = { equals = "5678", message = "only the orders repository" }, ref = ["refs/heads/main", "refs/tags/*"], run_attempt = "1", job_workflow_ref = { equals_claim = "workflow_ref", message = "no reusable workflows" } }
`,
  {
    sub: 'repo:acme/orders:ref:refs/heads/main',
    repository_owner_id: '1234',
    repository_id: '5678',
    ref: 'refs/heads/main',
    run_attempt: '1',
    workflow_ref: 'acme/orders/.github/workflows/deploy.yml@refs/heads/main',
    job_workflow_ref: 'acme/orders/.github/workflows/deploy.yml@refs/heads/main',
  },
  [
    ['accepts the main branch', {}, undefined],
    ['accepts a tag', { ref: 'refs/tags/v1.2.3', sub: 'repo:acme/orders:ref:refs/tags/v1.2.3' }, undefined],
    ['accepts a tag with a slash', { ref: 'refs/tags/release/1' }, undefined],
    ['accepts an environment', { sub: 'repo:acme/orders:environment:production' }, undefined],
    ['refuses another branch', { ref: 'refs/heads/dev' }, 'claim_not_allowed', 'ref', REF],
    ['refuses a branch that begins like main', { ref: 'refs/heads/main2' }, 'claim_not_allowed', 'ref', REF],
    ['refuses a branch that ends like main', { ref: 'x/refs/heads/main' }, 'claim_not_allowed', 'ref', REF],
    ['refuses another case', { ref: 'refs/heads/Main' }, 'claim_not_allowed', 'ref', REF],
    ['refuses a missing ref', { ref: undefined }, 'claim_not_allowed', 'ref', REF],
    ['refuses a ref in an array', { ref: ['refs/heads/main'] }, 'claim_not_allowed', 'ref', REF],
    ['refuses a null ref', { ref: null }, 'claim_not_allowed', 'ref', REF],
    ['refuses another repository', { sub: 'repo:acme/other:ref:refs/heads/main' }, 'subject_not_allowed'],
    ['refuses a repository of a similar owner', { sub: 'repo:acme-evil/orders:x' }, 'subject_not_allowed'],
    ['refuses a subject before the pattern', { sub: 'x repo:acme/orders:ref' }, 'subject_not_allowed'],
    [
      'refuses a fork by its id',
      { repository_id: '9999' },
      'claim_not_allowed',
      'repository_id',
      'only the orders repository',
    ],
    [
      'refuses an id of another type',
      { repository_id: 5678 },
      'claim_not_allowed',
      'repository_id',
      'only the orders repository',
    ],
    [
      'refuses another owner',
      { repository_owner_id: '4321' },
      'claim_not_allowed',
      'repository_owner_id',
      'expected exactly "1234"',
    ],
    ['refuses a repetition of a run', { run_attempt: '2' }, 'claim_not_allowed', 'run_attempt', 'expected exactly "1"'],
    [
      'refuses a reusable workflow',
      { job_workflow_ref: 'evil/x/.github/workflows/a.yml@main' },
      'claim_not_allowed',
      'job_workflow_ref',
      'no reusable workflows',
    ],
    [
      'refuses where both workflows are missing',
      { job_workflow_ref: undefined, workflow_ref: undefined },
      'claim_not_allowed',
      'job_workflow_ref',
      'no reusable workflows',
    ],
  ],
)

const NAMESPACE = '"kubernetes.io".namespace'
const POD = '/kubernetes.io/pod/name'

describeRecipe(
  'a provider like Kubernetes',
  `allowed_subjects = ["system:serviceaccount:shop:*"]
required_claims = { '"kubernetes.io".namespace' = ["shop", "shop-*"], "/kubernetes.io/pod/name" = { exists = true, message = "bound tokens only" }, "/kubernetes.io/serviceaccount/name" = { one_of = ["orders", "orders-*"] }, '"kubernetes.io".warnafter' = { at_least = 1700000000, below = 4102444800 } }
`,
  {
    sub: 'system:serviceaccount:shop:orders',
    'kubernetes.io': {
      namespace: 'shop',
      pod: { name: 'orders-1', uid: 'u' },
      serviceaccount: { name: 'orders', uid: 'v' },
      warnafter: 1_800_000_000,
    },
  },
  (() => {
    const bound = {
      namespace: 'shop',
      pod: { name: 'orders-1' },
      serviceaccount: { name: 'orders' },
      warnafter: 1_800_000_000,
    }
    const kubernetes = (changes: Claims) => ({ 'kubernetes.io': { ...bound, ...changes } })
    const account = '/kubernetes.io/serviceaccount/name'
    const warn = '"kubernetes.io".warnafter'
    const shop = 'expected one of "shop", "shop-*"'
    const orders = 'expected one of "orders", "orders-*"'
    const dates = 'expected a number of at least 1700000000 and a number below 4102444800'
    const cases: Case[] = [
      ['accepts a service account', {}, undefined],
      ['accepts a namespace by pattern', kubernetes({ namespace: 'shop-eu' }), undefined],
      ['accepts a service account by pattern', kubernetes({ serviceaccount: { name: 'orders-batch' } }), undefined],
      ['accepts the first allowed second', kubernetes({ warnafter: 1_700_000_000 }), undefined],
      ['refuses another namespace', kubernetes({ namespace: 'kube-system' }), 'claim_not_allowed', NAMESPACE, shop],
      [
        'refuses a namespace that ends alike',
        kubernetes({ namespace: 'evil-shop' }),
        'claim_not_allowed',
        NAMESPACE,
        shop,
      ],
      ['refuses a missing namespace', kubernetes({ namespace: undefined }), 'claim_not_allowed', NAMESPACE, shop],
      [
        'refuses a namespace of a nested object',
        kubernetes({ namespace: { name: 'shop' } }),
        'claim_not_allowed',
        NAMESPACE,
        shop,
      ],
      [
        'refuses a namespace outside',
        { 'kubernetes.io': undefined, namespace: 'shop' },
        'claim_not_allowed',
        NAMESPACE,
        shop,
      ],
      ['refuses claims that are text', { 'kubernetes.io': 'namespace' }, 'claim_not_allowed', NAMESPACE, shop],
      [
        'refuses dots that are taken apart',
        { 'kubernetes.io': undefined, kubernetes: { io: bound } },
        'claim_not_allowed',
        NAMESPACE,
        shop,
      ],
      [
        'refuses a token that is not bound to a pod',
        kubernetes({ pod: undefined }),
        'claim_not_allowed',
        POD,
        'bound tokens only',
      ],
      [
        'refuses a pod that is an array',
        kubernetes({ pod: ['orders-1'] }),
        'claim_not_allowed',
        POD,
        'bound tokens only',
      ],
      [
        'refuses another service account',
        kubernetes({ serviceaccount: { name: 'default' } }),
        'claim_not_allowed',
        account,
        orders,
      ],
      [
        'refuses a service account by number',
        kubernetes({ serviceaccount: { name: 1 } }),
        'claim_not_allowed',
        account,
        orders,
      ],
      ['refuses a date before the first', kubernetes({ warnafter: 1_699_999_999 }), 'claim_not_allowed', warn, dates],
      [
        'refuses the first date that is too late',
        kubernetes({ warnafter: 4_102_444_800 }),
        'claim_not_allowed',
        warn,
        dates,
      ],
      ['refuses a date that is text', kubernetes({ warnafter: '1800000000' }), 'claim_not_allowed', warn, dates],
      ['refuses another subject', { sub: 'system:serviceaccount:kube-system:orders' }, 'subject_not_allowed'],
      ['refuses a subject of another kind', { sub: 'system:node:shop' }, 'subject_not_allowed'],
    ]
    return cases
  })(),
)

const TENANT = 'tid'
const OURS = 'only our tenant'

describeRecipe(
  'a provider like Entra ID',
  `allowed_subjects = "any"
required_claims = { tid = { equals = "11111111-2222-3333-4444-555555555555", message = "only our tenant" }, ver = "2.0", idtyp = { exists = false }, roles = { includes = ["Orders.*", "admin"] }, azpacr = ["1", "2"], "https://example.com/groups" = { includes = "exporter" }, xms_cc = { exists = false }, uti = "*" }
`,
  {
    tid: '11111111-2222-3333-4444-555555555555',
    ver: '2.0',
    roles: ['Orders.Read', 'Other'],
    azpacr: '1',
    'https://example.com/groups': ['reader', 'exporter'],
    uti: 'abc',
  },
  (() => {
    const roles = 'expected an array with one of "Orders.*", "admin"'
    const groups = 'expected an array with "exporter"'
    const group = 'https://example.com/groups'
    const cases: Case[] = [
      ['accepts our tenant', {}, undefined],
      ['accepts any subject', { sub: 'somebody else' }, undefined],
      ['accepts a role by pattern', { roles: ['Orders.Write'] }, undefined],
      ['accepts another role', { roles: ['admin'] }, undefined],
      ['accepts an empty text where any will do', { uti: '' }, undefined],
      ['refuses another tenant', { tid: '99999999-2222-3333-4444-555555555555' }, 'claim_not_allowed', TENANT, OURS],
      ['refuses a missing tenant', { tid: undefined }, 'claim_not_allowed', TENANT, OURS],
      ['refuses several tenants', { tid: ['11111111-2222-3333-4444-555555555555'] }, 'claim_not_allowed', TENANT, OURS],
      [
        'refuses white space around the tenant',
        { tid: ' 11111111-2222-3333-4444-555555555555' },
        'claim_not_allowed',
        TENANT,
        OURS,
      ],
      ['refuses version 1', { ver: '1.0' }, 'claim_not_allowed', 'ver', 'expected exactly "2.0"'],
      ['refuses a version that is a number', { ver: 2 }, 'claim_not_allowed', 'ver', 'expected exactly "2.0"'],
      ['refuses a token of an app alone', { idtyp: 'app' }, 'claim_not_allowed', 'idtyp', 'expected missing'],
      ['refuses a null where nothing may be', { idtyp: null }, 'claim_not_allowed', 'idtyp', 'expected missing'],
      ['refuses without a role', { roles: [] }, 'claim_not_allowed', 'roles', roles],
      ['refuses missing roles', { roles: undefined }, 'claim_not_allowed', 'roles', roles],
      ['refuses roles that are text', { roles: 'admin' }, 'claim_not_allowed', 'roles', roles],
      ['refuses a role that only begins alike', { roles: ['administrator'] }, 'claim_not_allowed', 'roles', roles],
      ['refuses roles within roles', { roles: [['admin']] }, 'claim_not_allowed', 'roles', roles],
      ['refuses a client without a secret', { azpacr: '0' }, 'claim_not_allowed', 'azpacr', 'expected one of "1", "2"'],
      ['refuses another group', { [group]: ['reader'] }, 'claim_not_allowed', group, groups],
      [
        'refuses a group in a claim of a similar name',
        { [group]: undefined, 'https://example': { 'com/groups': ['exporter'] } },
        'claim_not_allowed',
        group,
        groups,
      ],
      ['refuses a number where any text will do', { uti: 7 }, 'claim_not_allowed', 'uti', 'expected like "*"'],
    ]
    return cases
  })(),
)
