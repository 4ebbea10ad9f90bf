import { describe, expect, it } from '@jest/globals'
import { readExchangeOptions } from '../../../src/exchange/options.js'
import { type ConfigProblem, formatPath, isConfigError } from '../../../src/option-checks/config-error.js'
import { OptionReader } from '../../../src/option-checks/option-reader.js'

const PROVIDER = { name: 'https://idp.example.com', jwksUri: 'https://idp.example.com/keys', allowedSubjects: 'any' }
const CLIENT = { clientId: 'app', clientSecret: 'a secret of the tests' }
const OPTIONS = {
  issuer: 'https://api.example.com',
  accessToken: { audience: 'https://api.example.com' },
  clients: [CLIENT],
  identityProviders: [PROVIDER],
}
type Options = Readonly<Record<string, unknown>>

function problemsOf(changes: Options, options: Options = OPTIONS): readonly ConfigProblem[] {
  try {
    readExchangeOptions({ ...options, ...changes })
    return []
  } catch (error) {
    if (!isConfigError(error)) throw error
    return error.problems
  }
}

const linesOf = (changes: Options, options?: Options) =>
  problemsOf(changes, options).map(({ path, message }) => `${formatPath(path)}: ${message}`)

/** The same object without some of its members. */
function without(options: Options, ...names: string[]): Options {
  return Object.fromEntries(Object.entries(options).filter(([name]) => !names.includes(name)))
}

describe('an unknown option that has the name of another library', () => {
  it.each<[string, Options, string]>([
    ['audience', { identityProviders: [{ ...PROVIDER, audience: 'a' }] }, 'alias'],
    ['aud', { identityProviders: [{ ...PROVIDER, aud: 'a' }] }, 'alias'],
    ['aud', { accessToken: { aud: 'a' } }, 'audience'],
    ['issuer', { identityProviders: [{ ...without(PROVIDER, 'name'), issuer: 'a' }] }, 'name'],
    ['iss', { identityProviders: [{ ...without(PROVIDER, 'name'), iss: 'a' }] }, 'name'],
    ['jwks_url', { identityProviders: [{ ...without(PROVIDER, 'jwksUri'), jwks_url: 'a' }] }, 'jwksUri'],
    ['jwks_uri', { identityProviders: [{ ...without(PROVIDER, 'jwksUri'), jwks_uri: 'a' }] }, 'jwksUri'],
    ['clockSkew', { identityProviders: [{ ...PROVIDER, clockSkew: 5 }] }, 'clockTolerance'],
    ['clockToleranceSec', { assertion: { clockToleranceSec: 5 } }, 'clockTolerance'],
    ['algorithm', { identityProviders: [{ ...PROVIDER, algorithm: 'RS256' }] }, 'algorithms'],
    ['expiresIn', { accessToken: { audience: 'a', expiresIn: '1h' } }, 'lifetime'],
    ['secretOrKey', { accessToken: { audience: 'a', secretOrKey: 'x' } }, 'signingKeys'],
    ['algorithms', { accessToken: { audience: 'a', algorithms: ['ES256'] } }, 'algorithm'],
    ['secret', { clients: [{ clientId: 'app', secret: 'x' }] }, 'clientSecret'],
    ['id', { clients: [{ ...without(CLIENT, 'clientId'), id: 'app' }] }, 'clientId'],
  ])('is one problem that names ours: %s in %j', (_, changes, suggestion) => {
    expect(problemsOf(changes)).toEqual([expect.objectContaining({ code: 'unknown_option', suggestion })])
    expect(linesOf(changes)[0]).toMatch(new RegExp(`: unknown option; did you mean \`${suggestion}\`\\?$`))
  })

  it('says the table, too, if it is in another one', () => {
    expect(linesOf({ secretOrKey: 'x' })).toEqual([
      'secretOrKey: unknown option; did you mean `signingKeys` in `accessToken`?',
    ])
  })
})

describe('a name that differs by its spelling alone', () => {
  const SECRET = CLIENT.clientSecret
  it.each<[string, Options, string]>([
    ['clients[0].client_secret', { clients: [{ clientId: 'app', client_secret: SECRET }] }, 'clientSecret'],
    ['clients[0].client_id', { clients: [{ client_id: 'app', clientSecret: SECRET }] }, 'clientId'],
    ['accessToken.lifetimeSeconds', { accessToken: { audience: 'a', lifetimeSeconds: 60 } }, 'lifetime'],
    ['jwksEndpoint.read_timeout_ms', { jwksEndpoint: { read_timeout_ms: 60 } }, 'readTimeout'],
    ['identityProviders[0].max_age', { identityProviders: [{ ...PROVIDER, max_age: 60 }] }, 'maxAge'],
  ])('is one problem that names the option: %s', (place, changes, suggestion) => {
    expect(linesOf(changes)).toEqual([`${place}: unknown option; did you mean \`${suggestion}\`?`])
  })

  it('is the nearest one, and not another that contains it', () => {
    expect(linesOf({ client: [CLIENT] }, without(OPTIONS, 'clients'))).toEqual([
      'client: unknown option; did you mean `clients`?',
    ])
  })
})

describe('what others call the options of clients', () => {
  const subject = 'system:serviceaccount:shop:orders'
  it.each<[string, Options, string]>([
    ['mtlsEndpoint', { mtlsEndpoint: 'https://mtls.example.com/token' }, 'mtlsTokenEndpoint'],
    ['clientCertificate.trustedProxies', { clientCertificate: { trustedProxies: ['127.0.0.1'] } }, 'from'],
    [
      'clients[0].assertedBy.idp',
      { clients: [{ clientId: 'app', assertedBy: { idp: PROVIDER.name, subject } }] },
      'identityProvider',
    ],
    [
      'clients[0].assertedBy.sub',
      { clients: [{ clientId: 'app', assertedBy: { identityProvider: PROVIDER.name, sub: subject } }] },
      'subject',
    ],
  ])('is one problem that names the option: %s', (place, changes, suggestion) => {
    expect(linesOf(changes)).toEqual([`${place}: unknown option; did you mean \`${suggestion}\`?`])
  })
})

describe('an option in the wrong table', () => {
  it.each<[Options, string]>([
    [{ readTimeout: 1 }, 'readTimeout: unknown option; it belongs in `jwksEndpoint`'],
    [{ jwksEndpoint: { issuer: 'a' } }, 'jwksEndpoint.issuer: unknown option; it belongs at the top level'],
    [
      { identityProviders: [{ ...PROVIDER, readTimeout: 1 }] },
      'identityProviders[0].readTimeout: unknown option; it belongs in `jwksEndpoint`',
    ],
    [{ clockTolerance: 1 }, 'clockTolerance: unknown option; it belongs in `assertion` or in `identityProviders`'],
    [
      { clients: [{ ...CLIENT, discovery: true }] },
      'clients[0].discovery: unknown option; it belongs in `identityProviders`',
    ],
  ])('is told where it belongs: %j', (changes, line) => {
    expect(linesOf(changes)).toEqual([line])
  })

  it('is not looked for among the names of claims, which are not ours', () => {
    const identityProviders = [{ ...PROVIDER, requiredClaims: { colour: 'red', other: { equals: 'a' } } }]
    expect(linesOf({ identityProviders, colour: 'red', equals: 'a' })).toEqual([
      expect.stringMatching(/^colour: unknown option; docs\/options\.md lists the \d+ options/),
      expect.stringMatching(/^equals: unknown option; docs\/options\.md lists the \d+ options/),
    ])
  })
})

describe('one slip is one problem', () => {
  it.each<[string, Options]>([
    ['a required option with a letter wrong', { ...without(OPTIONS, 'issuer'), isuer: OPTIONS.issuer }],
    ['a table with required options', { ...without(OPTIONS, 'accessToken'), acessToken: { audience: 'a' } }],
    ['the clients', { ...without(OPTIONS, 'clients'), client: [CLIENT] }],
    ['the keys', { ...OPTIONS, identityProviders: [{ ...without(PROVIDER, 'jwksUri'), jwksURL: 'a' }] }],
    [
      'who is accepted',
      { ...OPTIONS, identityProviders: [{ ...without(PROVIDER, 'allowedSubjects'), subjects: 'any' }] },
    ],
    ['no bindings', { ...OPTIONS, identityProviders: [{ ...PROVIDER, bindings: [] }] }],
    ['bindings that are text', { ...OPTIONS, identityProviders: [{ ...PROVIDER, bindings: 'a' }] }],
    [
      'unknown clients of a binding',
      { ...OPTIONS, identityProviders: [{ ...PROVIDER, bindings: [{ name: 'a', clients: ['b'] }] }] },
    ],
    ['an undefined secret', { ...OPTIONS, clients: [{ clientId: 'app', clientSecret: undefined }] }],
  ])('%s', (_, options) => {
    expect(problemsOf({}, options)).toHaveLength(1)
  })

  it('and two slips are two', () => {
    expect(linesOf({}, { ...without(OPTIONS, 'issuer', 'clients'), isuer: OPTIONS.issuer })).toEqual([
      "clients: missing; set `clients` or `findClient`, or let callers without a client in with `clientAuthentication: 'optional'`",
      'isuer: unknown option; did you mean `issuer`?',
    ])
  })
})

describe('an option that had another name', () => {
  it.each([
    ['subjects', 'any', 'allowedSubjects'],
    ['claims', { a: 'b' }, 'requiredClaims'],
    ['grants', [{ name: 'a' }], 'bindings'],
  ])('%s is refused with the name that it has now', (name, value, suggestion) => {
    const identityProviders = [{ ...without(PROVIDER, 'allowedSubjects'), [name]: value }]
    expect(problemsOf({ identityProviders })).toEqual([
      {
        code: 'renamed',
        path: ['identityProviders', 0, name],
        message: expect.stringContaining(`renamed; use \`${suggestion}\` instead`),
        suggestion,
      },
    ])
  })

  it('is refused with both places that grants can mean', () => {
    expect(linesOf({ identityProviders: [{ ...PROVIDER, grants: [] }] })).toEqual([
      'identityProviders[0].grants: renamed; use `bindings` instead; grant types of your own are the top-level `grants`',
    ])
  })
})

describe('an identity provider without a usable name', () => {
  const discovered = { discovery: true, allowedSubjects: 'any' }
  it.each<[string, Options, string]>([
    ['no name', {}, 'name'],
    ['an empty name', { name: '' }, 'name'],
    ['an undefined name', { name: undefined }, 'name'],
    ['a name that is a pattern', { name: 'https://*.example.com' }, 'name'],
    ['a name of http', { name: 'http://idp.example.com' }, 'name'],
    ['a name that is not a URL', { name: 'idp' }, 'name'],
    ['issuer instead', { issuer: 'https://idp.example.com' }, 'issuer'],
    ['iss instead', { iss: 'https://idp.example.com' }, 'iss'],
    ['a misspelled name', { nmae: 'https://idp.example.com' }, 'nmae'],
  ])('is one problem with discovery: %s', (_, options, place) => {
    const problems = problemsOf({ identityProviders: [{ ...discovered, ...options }] })
    expect(problems.map(({ path }) => formatPath(path))).toEqual([`identityProviders[0].${place}`])
  })

  it('is one problem if two entries have the same name', () => {
    expect(linesOf({ identityProviders: [PROVIDER, PROVIDER] })).toEqual([
      'identityProviders[1].name: entry 1 has the same `name`; choose another one, or give each an `id` and a `registration`',
    ])
    const subject = 'namespaced'
    expect(linesOf({ identityProviders: [PROVIDER, PROVIDER].map((each) => ({ ...each, subject })) })).toEqual([
      'identityProviders[1].name: entry 1 has the same `name`; choose another one, or give each an `id` and a `registration`',
    ])
  })

  it('is not the same as another one without a name', () => {
    const paths = problemsOf({ identityProviders: [without(PROVIDER, 'name'), without(PROVIDER, 'name')] })
    expect(paths.map(({ path }) => formatPath(path))).toContain('subject')
  })
})

describe('the names of a table', () => {
  const problemsWith = (count: number) => {
    const reader = new OptionReader({ qwertz: 1 })
    for (let index = 0; index < count; index += 1) reader.has(`option${index}`)
    reader.refuseUnknown()
    return reader.problems().map(({ text }) => text.replace(/[^\x20-\x7E]/g, ''))
  }

  it('are listed up to eight', () => {
    expect(problemsWith(8)).toEqual([expect.stringMatching(/^unknown option; expected one of option0, .*option7$/)])
  })

  it('are counted beyond that, with a link', () => {
    expect(problemsWith(9)).toEqual(['unknown option; docs/options.md lists the 9 options that are allowed here'])
  })
})

describe('the code of a problem', () => {
  it.each<[string, Options]>([
    ['missing', { accessToken: {} }],
    ['missing', { requireHttps: undefined }],
    ['wrong_type', { requireHttps: 'yes' }],
    ['wrong_type', { accessToken: { audience: 'a', lifetime: '60' } }],
    ['out_of_bounds', { accessToken: { audience: 'a', lifetime: 0 } }],
    ['invalid', { issuer: 'ftp://api.example.com' }],
    ['not_unique', { clients: [CLIENT, CLIENT] }],
    ['conflict', { findClient: () => undefined }],
  ])('is %s for %j', (code, changes) => {
    expect(problemsOf(changes).map((problem) => problem.code)).toEqual([code])
  })
})
