import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import request from 'supertest'
import { readExchangeOptions } from '../../src/exchange/options.js'
import { DEFAULT_LIMITS } from '../../src/identity-provider/assertion-limits.js'
import { createJwtExchange, type IdentityProviderOptions } from '../../src/index.js'
import { findBindings } from '../../src/policy/binding.js'
import { clientSecretOf } from '../support/deployment-file.js'
import { type ExchangeHost, GRANT_TYPE } from '../support/exchange-host.js'
import { SAMPLES, type Sample } from '../support/recipe-samples.js'
import {
  blocksOf,
  HEAD,
  loadRecipe as load,
  OWN_KEY,
  RECIPES,
  sampleOf,
  sectionOf,
  startRecipe,
  VENDORS,
  withRecipe,
} from '../support/recipes.js'

const BLOCKS = [...VENDORS, OWN_KEY].flatMap((vendor) =>
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
    const [provider] = load(block).identityProviders ?? []
    expect(provider).toEqual(
      expect.objectContaining({
        name: expect.stringMatching(/^https:\/\//),
        alias: expect.any(String),
        ...(!provider?.certificates && { jwksUri: expect.stringMatching(/^https:\/\//) }),
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

type Presented = Pick<Sample, 'claims' | 'header' | 'alone'>

/** Posts the assertion alone if that is enough, and otherwise as a client. */
async function exchange(host: ExchangeHost, { claims, header = {}, alone = false }: Presented) {
  const assertion = await host.idp.issueAssertion(claims, header)
  const eventsBefore = host.events.length
  const post = request(host.url).post('/oauth2/token').type('form')
  if (!alone) post.auth('app', clientSecretOf('app'))
  const { status, body } = await post.send({ grant_type: GRANT_TYPE, assertion })
  const event = host.events.slice(eventsBefore).find(({ name }) => name.startsWith('token.'))
  return { status, body, event }
}

describe.each(SAMPLES.map((sample) => ({ block: 0, ...sample })))(
  'the recipe for $vendor ($block)',
  ({ vendor, block, becomes, refused, ...sample }) => {
    let host: ExchangeHost
    beforeAll(async () => {
      host = await startRecipe(blocksOf(sectionOf(vendor))[block] ?? '')
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

    it(sample.alone ? 'lets a client bring the assertion' : 'refuses the assertion alone', async () => {
      const claims = { ...sample.claims, not_the_same: true }
      const { status, event } = await exchange(host, { ...sample, claims, alone: !sample.alone })
      const expected = sample.alone ? { status: 200 } : { status: 401, reason: 'no_client_authentication' }
      expect({ status, reason: event?.reason }).toEqual({ reason: undefined, ...expected })
    })

    it('refuses the type of RFC 9068', async () => {
      const { status, event } = await exchange(host, { ...sample, header: { typ: 'at+jwt' } })
      expect({ status, reason: event?.reason }).toEqual({ status: 400, reason: 'type_not_allowed' })
    })
  },
)

describe('the recipes', () => {
  it('have a sample of each block', () => {
    const sampled = SAMPLES.map(({ vendor, block = 0 }) => ({ vendor, index: block }))
    expect(sampled).toEqual(BLOCKS.map(({ vendor, index }) => ({ vendor, index })))
  })

  it.each([
    ['the newer sub of GitHub Actions', 'GitHub Actions', 'repo:acme@1234/orders@5678:ref:refs/heads/main'],
    ['a sub of GitLab CI that begins with the id', 'GitLab CI', 'project_id:20:ref_type:branch:ref:main'],
  ])('take %s', async (_fact, vendor, sub) => {
    const sample = sampleOf(vendor)
    const claims = { ...sample.claims, sub }
    const { status, event } = await withRecipe(vendor, (host) => exchange(host, { ...sample, claims }))
    expect({ status, reason: event?.reason }).toEqual({ status: 200, reason: undefined })
  })

  it.each([
    ['Kubernetes', 'again, as it is read from the file', undefined],
    ['GitHub Actions', 'once', 'replayed'],
  ])('take a token of %s %s', async (vendor, _often, reason) => {
    const { claims, ...rest } = sampleOf(vendor)
    const sample = { ...rest, claims: { ...claims, jti: 'the same' } }
    const [first, second] = await withRecipe(vendor, async (host) => [
      await exchange(host, sample),
      await exchange(host, sample),
    ])
    expect([first?.status, second?.event?.reason]).toEqual([200, reason])
  })
})
