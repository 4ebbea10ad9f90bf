import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import request from 'supertest'
import { type Grant, generateSigningKey, type JwtExchangeOptions, REJECTION_REASONS } from '../../src/index.js'
import { EC_CERTIFICATE } from '../support/certificates.js'
import { type ClockedHost, startClockedHost } from '../support/clocked-host.js'
import { AUDIENCE, CLIENT, GRANT_TYPE, ISSUER, TOKEN_ENDPOINT } from '../support/exchange-host.js'

type Claims = Readonly<Record<string, unknown>>

/** One way to be refused. */
interface Case {
  claims?: Claims
  header?: Claims
  alter?: (assertion: string) => string
  /** The parameters besides the assertion. */
  parameters?: Record<string, string>
  /** Sent without a client. */
  isAlone?: boolean
  /** Done before the request, and undone after it. */
  around?: (host: ClockedHost) => () => void
}

interface LateCase extends Case {
  actor: keyof typeof TEXTS
}

const DOCUMENTATION = 'https://docs.example.com/tokens'
const CERTIFIED = 'https://certified.example.com'
const OTHER_NAME = 'https://other.example.com'
const OF_TENANTS = 'https://tenants.example.com'
const OWN_GRANT = 'urn:example:own-grant'
/** A provider whose assertions need no client. */
const ALONE = { allowedSubjects: ['alice'], scopes: ['openid'], clientAuthentication: 'optional' } as const
const TEXTS = {
  'identity provider': 'The assertion is not sufficient: the administrator of the identity provider must act',
  service: 'The assertion is not accepted here: the administrator of this service must act',
  caller: 'The request cannot be granted: the caller must change it, or present a new assertion',
}
const FAR = 9_999_999_999
const CENTURIES = 3600 * 24 * 366 * 200
const signingKey = generateSigningKey()
/** Whether the function `check` switches the provider off, while its assertion is judged. */
let switchesOff: (() => void) | undefined

const ownGrant: Grant = {
  grantType: OWN_GRANT,
  authorize: (form, _, { authorizeAssertion }) => authorizeAssertion(form.one('assertion')),
}

/** Has every rule that can refuse a verified assertion. */
function optionsOf(host: ClockedHost, refusals?: JwtExchangeOptions['refusals']): JwtExchangeOptions {
  return {
    issuer: ISSUER,
    subject: 'raw',
    identityProviders: [
      {
        name: host.idp.name,
        jwksUri: host.idp.jwksUri,
        soleAudience: true,
        allowedSubjects: ['alice', 'app'],
        requiredClaims: { tenant: 'acme' },
        check: ({ verdict }) => {
          switchesOff?.()
          return verdict === undefined || 'no'
        },
        bindings: [{ name: 'all', when: { role: 'r' }, scopes: CLIENT.scopes }],
        scopeClaim: 'scp',
        claimsToToken: { big: 'big' },
        subject: ({ sub, claims }) => (typeof claims.made === 'string' ? claims.made : sub),
        maxBeyondAssertion: 0,
      },
      { name: CERTIFIED, allowedSubjects: 'any', certificates: [EC_CERTIFICATE], subject: 'namespaced' },
      { name: OTHER_NAME, ...ALONE, jwksUri: host.idp.jwksUri, subject: 'namespaced' },
      {
        name: OF_TENANTS,
        registration: { claim: 'tenant', value: 'globex' },
        allowedSubjects: 'any',
        certificates: [EC_CERTIFICATE],
        subject: 'namespaced',
      },
    ],
    clients: [{ ...CLIENT, identityProviders: [host.idp.name, CERTIFIED] }],
    accessToken: { audience: AUDIENCE, signingKeys: [signingKey] },
    grants: [ownGrant],
    clock: host.clock,
    ...(refusals && { refusals }),
  }
}

function withHeader(changes: Claims): (assertion: string) => string {
  return (assertion) => {
    const [header = '', ...rest] = assertion.split('.')
    const changed = { ...JSON.parse(Buffer.from(header, 'base64url').toString()), ...changes }
    return [Buffer.from(JSON.stringify(changed)).toString('base64url'), ...rest].join('.')
  }
}

const switchedOff: Case['around'] = ({ exchange, idp }) => {
  exchange.disableIdentityProvider(idp.name)
  return () => exchange.enableIdentityProvider(idp.name)
}

const BEFORE_VERIFICATION: Readonly<Record<string, Case>> = {
  malformed_jwt: { alter: () => 'x.y' },
  too_large: { claims: { pad: 'x'.repeat(33_000) } },
  unsupported_header: { alter: withHeader({ crit: ['x'] }) },
  unknown_issuer: { claims: { iss: 'https://nobody.example.com' } },
  unknown_registration: { claims: { iss: OF_TENANTS } },
  identity_provider_disabled: { around: switchedOff },
  algorithm_not_allowed: { alter: withHeader({ alg: 'HS256' }) },
  type_not_allowed: { header: { typ: 'at+jwt' } },
  unknown_key: { header: { kid: 'gone' } },
  certificate_expired: {
    claims: { iss: CERTIFIED },
    around: ({ clock }) => {
      clock.advance(CENTURIES)
      return () => clock.advance(-CENTURIES)
    },
  },
  bad_signature: { alter: (assertion) => assertion.replace(/.{8}$/, 'AAAAAAAA') },
  invalid_subject: { claims: { sub: 7 } },
  invalid_audience: { claims: { aud: undefined } },
  wrong_audience: { claims: { aud: 'https://else.example.com' } },
  several_audiences: { claims: { aud: [TOKEN_ENDPOINT, 'https://else.example.com'] } },
  invalid_expiry: { claims: { exp: undefined } },
  expired: { claims: { exp: 1000 } },
  invalid_not_before: { claims: { nbf: 'soon' } },
  not_yet_valid: { claims: { nbf: FAR } },
  invalid_issued_at: { claims: { iat: 'now' } },
  issued_in_future: { claims: { iat: FAR } },
  too_old: { claims: { iat: 1000 } },
  lifetime_too_long: { claims: { exp: FAR } },
  invalid_jwt_id: { claims: { jti: 7 } },
  wrong_token_kind: { claims: { events: {} } },
  unconfirmed_key: { claims: { cnf: { jkt: 'x' } } },
  unsupported_delegation: { claims: { act: { sub: 'bot' } } },
  client_required: { isAlone: true },
}

const REUSED = 'used already'
const AFTER_VERIFICATION: Readonly<Record<string, LateCase>> = {
  identity_provider_disabled: {
    actor: 'service',
    around: ({ exchange, idp }) => {
      switchesOff = () => exchange.disableIdentityProvider(idp.name)
      return () => {
        switchesOff = undefined
        exchange.enableIdentityProvider(idp.name)
      }
    },
  },
  invalid_subject: { actor: 'identity provider', claims: { made: ' white space' } },
  expired: {
    actor: 'caller',
    around: ({ clock }) => {
      clock.advance(330)
      return () => clock.advance(-330)
    },
  },
  subject_not_allowed: { actor: 'service', claims: { sub: 'mallory' } },
  claim_not_allowed: { actor: 'identity provider', claims: { tenant: 'else' } },
  refused_by_check: { actor: 'service', claims: { verdict: 'no' } },
  no_binding_matches: { actor: 'service', claims: { role: 'other' } },
  mapped_claims_too_large: { actor: 'identity provider', claims: { big: 'x'.repeat(9000) } },
  replayed: { actor: 'caller', claims: { jti: REUSED } },
  client_not_allowed: { actor: 'service', claims: { iss: OTHER_NAME } },
  subject_is_client_id: { actor: 'service', claims: { sub: CLIENT.clientId } },
  invalid_claim: { actor: 'identity provider', claims: { scp: 7 } },
  invalid_scope: { actor: 'caller', claims: { scp: 'admin' } },
  invalid_target: { actor: 'caller', parameters: { resource: 'https://else.example.com' } },
}
/** Reasons for which no assertion is refused at the token endpoint. */
const ELSEWHERE = ['keys_not_fetched', 'wrong_issuer', 'revoked', 'inactive']

let host: ClockedHost
beforeAll(async () => {
  host = await startClockedHost()
  host.exchange.reconfigure(optionsOf(host))
  await answerTo({ claims: { jti: REUSED } })
})
afterAll(() => host.close())

async function assertionOf({ claims, header, alter = (same) => same }: Case): Promise<string> {
  return alter(await host.assertion({ tenant: 'acme', role: 'r', ...claims }, header))
}

/** All of an answer that a caller can see, but its date. */
async function answerTo(each: Case, grantType = GRANT_TYPE) {
  const assertion = await assertionOf(each)
  const undo = each.around?.(host)
  const form = { grant_type: grantType, assertion, ...each.parameters }
  const alone = request(host.url).post('/oauth2/token').type('form')
  const response = await (each.isAlone ? alone.send(form) : host.post(form))
  undo?.()
  const { date: _, ...headers } = response.headers
  return { reason: host.lastReason(), status: response.status, headers, text: response.text }
}

/** The answers to the same case without the option, and with it. */
async function answersTo(each: Case, grantType?: string) {
  host.exchange.reconfigure(optionsOf(host))
  const without = await answerTo(each, grantType)
  host.exchange.reconfigure(optionsOf(host, { documentation: DOCUMENTATION }))
  return { without, advised: await answerTo(each, grantType) }
}

describe('the refusal of an assertion that is not verified', () => {
  it.each(Object.entries(BEFORE_VERIFICATION))('is the same to the byte with the option: %s', async (reason, each) => {
    const { without, advised } = await answersTo(each)
    expect([without.reason, without.status]).toEqual([reason, 400])
    expect(advised).toEqual(without)
    expect(advised.text).toBe('{"error":"invalid_grant","error_description":"The assertion is not valid"}')
  })

  it.each<[string, Case]>([
    ['a malformed scope', { parameters: { scope: '"' } }],
    ['a scope that the client may never have', { parameters: { scope: 'admin' } }],
    ['no assertion', { alter: () => '' }],
    ['a parameter sent in another grant type', { parameters: { grant_type: 'x' } }],
  ])('is the same to the byte with the option for %s', async (_, each) => {
    const { without, advised } = await answersTo(each)
    expect(without.status).toBe(400)
    expect(advised).toEqual(without)
  })
})

describe('the refusal of a verified assertion', () => {
  it.each(Object.entries(AFTER_VERIFICATION))('says who must act, if the option is set: %s', async (reason, each) => {
    const { without, advised } = await answersTo(each)
    expect([without.reason, advised.reason]).toEqual([reason, reason])
    const error = reason.startsWith('invalid_scope') || reason === 'invalid_target' ? reason : 'invalid_grant'
    expect(JSON.parse(without.text)).toEqual({
      error,
      error_description: expect.not.stringMatching(/must act|must change/),
    })
    expect(advised).toMatchObject({
      status: 400,
      text: JSON.stringify({ error, error_description: TEXTS[each.actor], error_uri: DOCUMENTATION }),
    })
    expect(Object.keys(advised.headers)).toEqual(Object.keys(without.headers))
  })

  it('says so to a caller without a client, too', async () => {
    const refused = { isAlone: true, claims: { iss: OTHER_NAME, sub: 'mallory' } }
    const { without, advised } = await answersTo(refused)
    expect([without.reason, advised.reason]).toEqual(['subject_not_allowed', 'subject_not_allowed'])
    expect(without.text).not.toContain('error_uri')
    expect(JSON.parse(advised.text)).toMatchObject({ error_description: TEXTS.service, error_uri: DOCUMENTATION })
    const late = await answersTo({ ...refused, alter: (assertion) => `${assertion.slice(0, -8)}AAAAAAAA` })
    expect(late.advised).toEqual(late.without)
  })

  it('says so to a grant of the host that verifies assertions, too', async () => {
    const { without, advised } = await answersTo({ claims: { sub: 'mallory' } }, OWN_GRANT)
    expect([without.reason, advised.reason]).toEqual(['subject_not_allowed', 'subject_not_allowed'])
    expect(without.text).not.toContain('error_uri')
    expect(JSON.parse(advised.text)).toEqual({
      error: 'invalid_grant',
      error_description: TEXTS.service,
      error_uri: DOCUMENTATION,
    })
    const forged = await answersTo({ alter: (assertion) => `${assertion.slice(0, -8)}AAAAAAAA` }, OWN_GRANT)
    expect(forged.advised).toEqual(forged.without)
  })

  it('is not said of an outage, nor to a client that fails to authenticate', async () => {
    const outage = () => {
      throw new Error('down')
    }
    const { clients: _, ...options } = optionsOf(host, { documentation: DOCUMENTATION })
    const findClient = (clientId: string) => (clientId === CLIENT.clientId ? CLIENT : outage())
    host.exchange.reconfigure({ ...options, findClient })
    expect((await answerTo({})).text).not.toContain('error_uri')
    expect(host.lastReason()).toBe('client_lookup_failed')
    host.exchange.reconfigure(optionsOf(host, { documentation: DOCUMENTATION }))
    const { status, text } = await request(host.url)
      .post('/oauth2/token')
      .auth('app', 'wrong')
      .type('form')
      .send({
        grant_type: GRANT_TYPE,
        assertion: await assertionOf({ claims: { sub: 'mallory' } }),
      })
    expect([status, text]).toEqual([401, expect.not.stringContaining('error_uri')])
  })

  it('is not said at a route', async () => {
    host.exchange.reconfigure(optionsOf(host, { documentation: DOCUMENTATION }))
    const assertion = await assertionOf({ claims: { sub: 'mallory' } })
    const answer = await request(host.url)
      .get('/whoami')
      .set({ authorization: `Bearer ${assertion}` })
    expect([answer.status, host.lastReason()]).toEqual([401, 'subject_not_allowed'])
    expect(answer.headers['www-authenticate']).toBe(
      `Bearer realm="${ISSUER}", error="invalid_token", error_description="The access token is not valid"`,
    )
    expect(answer.text).not.toMatch(/must act|docs\.example/)
  })
})

describe('the tables of these tests', () => {
  it('have every reason for which a token is rejected', () => {
    const tested = new Set([...Object.keys(BEFORE_VERIFICATION), ...Object.keys(AFTER_VERIFICATION), ...ELSEWHERE])
    expect(REJECTION_REASONS.filter((reason) => !tested.has(reason))).toEqual([])
  })

  it('have texts in the characters of RFC 6749 §5.2, without a name or a value', () => {
    for (const text of Object.values(TEXTS)) {
      expect(text).toMatch(/^[\x20-\x21\x23-\x5B\x5D-\x7E]{1,100}$/)
      expect(text).not.toMatch(/_|https?:/)
    }
  })
})
