import { afterEach, describe, expect, it } from '@jest/globals'
import express from 'express'
import request from 'supertest'
import { loadConfig } from '../../src/config/index.js'
import { readExchangeOptions } from '../../src/exchange/options.js'
import { ENDPOINTS, type EndpointMetadataDeps } from '../../src/express/endpoints.js'
import { createWellKnown } from '../../src/express/well-known.js'
import { ConfigError, createJwtExchange, generateSigningKey, type JwtExchangeOptions } from '../../src/index.js'
import { createDeploymentFile, deploymentOf } from '../support/deployment-file.js'
import {
  AUDIENCE,
  CLIENT,
  type ExchangeHost,
  ISSUER,
  startExchangeHost,
  TOKEN_ENDPOINT,
} from '../support/exchange-host.js'

const PATH = '/.well-known/oauth-authorization-server/oauth2'
const AUTHORIZE = 'https://api.example.com/authorize'
const PROVIDER = { name: 'https://idp.example.com', jwksUri: 'https://idp.example.com/keys', allowedSubjects: 'any' }

const optionsWith = (changes: object) => ({
  issuer: ISSUER,
  identityProviders: [PROVIDER],
  clients: [CLIENT],
  accessToken: { audience: AUDIENCE },
  ...changes,
})
const read = (metadata: unknown) => readExchangeOptions(optionsWith({ metadata }))

/** The problems of the options, as `code path: message`. */
function problemsOf(act: () => unknown): string[] {
  try {
    act()
    return []
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    return error.problems.map(({ code, path, message }) => `${code} ${path.join('.')}: ${message}`)
  }
}

let host: ExchangeHost | undefined
afterEach(async () => {
  await host?.close()
  host = undefined
})

async function publishedBy(exchange: Partial<JwtExchangeOptions>, path = PATH): Promise<Record<string, unknown>> {
  host = await startExchangeHost({ idp: { algorithm: 'ES256' }, exchange })
  return (await request(host.url).get(path)).body
}

describe('a member of the metadata', () => {
  it.each([
    ...['issuer', 'token_endpoint', 'jwks_uri', 'grant_types_supported', 'mtls_endpoint_aliases'],
    ...['token_endpoint_auth_methods_supported', 'token_endpoint_auth_signing_alg_values_supported'],
    ...['tls_client_certificate_bound_access_tokens', 'dpop_signing_alg_values_supported'],
    ...['subject_types_supported', 'id_token_signing_alg_values_supported'],
  ])('that the exchange publishes itself is refused: %s', (name) => {
    expect(problemsOf(() => read({ [name]: ['x'] }))).toEqual([
      `conflict metadata.${name}: the exchange publishes this member itself; remove it`,
    ])
  })

  it('that the exchange publishes itself is refused, whichever it is', () => {
    const clientAuthMethods = [{ name: 'private_key_jwt', signingAlgorithms: ['ES256'] }]
    const deps: EndpointMetadataDeps = {
      tokenEndpoint: TOKEN_ENDPOINT,
      mtlsTokenEndpoint: TOKEN_ENDPOINT,
      grantTypes: ['x'],
      mayBeWithoutClient: false,
      isIntrospectionServed: false,
      isRevocationServed: false,
      clientAuthMethods,
    }
    const names = ENDPOINTS.flatMap(({ metadataOf }) => Object.keys(metadataOf(deps)))
    expect(names.length).toBeGreaterThan(5)
    for (const name of names) expect([name, problemsOf(() => read({ [name]: ['x'] })).length]).toEqual([name, 1])
  })

  it('never replaces one of ours, even if it were not refused', async () => {
    const members = { issuer: 'https://evil.example.com', token_endpoint: 'https://evil.example.com/token' }
    const wellKnown = createWellKnown({
      issuer: ISSUER,
      tokenEndpoint: TOKEN_ENDPOINT,
      mtlsTokenEndpoint: undefined,
      grantTypes: ['x'],
      mayBeWithoutClient: false,
      isIntrospectionServed: false,
      isRevocationServed: false,
      clientAuthMethods: [],
      scopes: [],
      signingAlgorithms: ['ES256'],
      openidConfiguration: false,
      metadata: { scopes: undefined, members },
      resources: [],
      findResourceDocument: () => undefined,
    })
    const { body } = await request(express().use(wellKnown)).get(PATH)
    expect(body).toMatchObject({ issuer: ISSUER, token_endpoint: TOKEN_ENDPOINT })
  })

  it('RFC 8414 §2.1: is not signed_metadata, which would take precedence', () => {
    expect(problemsOf(() => read({ signed_metadata: 'e30.e30.e30' }))).toEqual([
      'conflict metadata.signed_metadata: it would override what the exchange publishes (RFC 8414 §2.1); remove it',
    ])
  })

  it('has the name of RFC 8414, and one in camelCase is suggested', () => {
    expect(problemsOf(() => read({ authorizationEndpoint: AUTHORIZE }))).toEqual([
      'unknown_option metadata.authorizationEndpoint: unknown name; did you mean `authorization_endpoint`?',
    ])
  })

  it.each(['', 'a b', 'Service', '-', 'a__b', '__proto__', '#en', 'http://example.com', `https://${'é'}`])(
    'has not the name %j',
    (name) => {
      const metadata = JSON.parse(`{${JSON.stringify(name)}:{"x":1}}`)
      expect(problemsOf(() => read(metadata))).toEqual([
        expect.stringMatching(/^(?:invalid|unknown_option) metadata\./),
      ])
      expect({}).not.toHaveProperty('x')
    },
  )

  it.each([
    ['require_https', 'requireHttps'],
    ['openid_configuration', 'openidConfiguration'],
    ['mtls_token_endpoint', 'mtlsTokenEndpoint'],
    ['subject', 'subject'],
  ])('is not an option of the top, which would be lost: %s', (name, option) => {
    expect(problemsOf(() => read({ [name]: true }))).toEqual([
      `unknown_option metadata.${name}: it is not a member of the metadata; set the top-level \`${option}\` instead`,
    ])
  })

  const circle: Record<string, unknown> = {}
  circle.again = circle
  it.each([
    ...[new Date(0), () => 'x', Symbol('x'), 1n, Number.NaN, Number.POSITIVE_INFINITY, new Map(), /x/],
    ...[Promise.resolve(), new (class {})(), [[() => 1]], { a: { b: new Date(0) } }, circle],
    JSON.parse('[[[[[[[[["too deep"]]]]]]]]]'),
  ])('is not something else than JSON: %#', (value) => {
    expect(problemsOf(() => read({ service: value }))).toEqual([
      expect.stringMatching(/^invalid metadata\.service: got .*; expected JSON of at most 8 levels$/),
    ])
  })

  it('has no hole, and nothing undefined in it', () => {
    expect(problemsOf(() => read({ service: { a: undefined } }))).toHaveLength(1)
    // biome-ignore lint/suspicious/noSparseArray: this is the slip
    expect(problemsOf(() => read({ service: [1, , 2] }))).not.toEqual([])
  })

  it('RFC 8414 §3.2: is neither null nor an empty array', () => {
    expect(problemsOf(() => read({ service: null }))).toEqual([
      'missing metadata.service: got null; set a value or leave the option out',
    ])
    expect(problemsOf(() => read({ ui_locales_supported: [] }))).toEqual([
      'invalid metadata.ui_locales_supported: got an empty array; expected a value that is not empty (RFC 8414 §3.2), or no such member',
    ])
  })

  it.each(['http://api.example.com/authorize', '/authorize', 'javascript:alert(1)', 'https://a/#x', 7, {}])(
    'that is an endpoint is an https URL, and not %j',
    (url) => {
      expect(problemsOf(() => read({ authorization_endpoint: url }))).toEqual([
        expect.stringMatching(
          /^invalid metadata\.authorization_endpoint: got .*; expected an https URL without fragment/,
        ),
      ])
    },
  )

  it('and all others together are at most 16 KiB', () => {
    const overhead = JSON.stringify([['service', '']]).length
    expect(problemsOf(() => read({ service: 'x'.repeat(16_384 - overhead) }))).toEqual([])
    expect(problemsOf(() => read({ service: 'x'.repeat(16_385 - overhead) }))).toEqual([
      'out_of_bounds metadata: got 16385 bytes of JSON; expected at most 16384',
    ])
  })

  it.each(['x', 1, true, [], () => {}, new Map(), null])('is in an object, and not in %p', (metadata) => {
    expect(problemsOf(() => read(metadata))).toEqual([expect.stringMatching(/^(?:wrong_type|missing) metadata: got /)])
  })

  it('is published in both documents, as a copy of what the options had', async () => {
    const metadata = {
      authorization_endpoint: AUTHORIZE,
      code_challenge_methods_supported: ['S256'],
      'op_policy_uri#de': 'https://api.example.com/de',
      'https://example.com/private': { nested: [{ deep: [null, 1, false] }] },
      constructor: 'a name like any other',
    }
    const openid = await publishedBy(
      { metadata, openidConfiguration: true },
      '/oauth2/.well-known/openid-configuration',
    )
    metadata.code_challenge_methods_supported.push('plain')
    for (const document of [openid, (await request(host?.url ?? '').get(PATH)).body]) {
      expect(document).toMatchObject({
        ...metadata,
        code_challenge_methods_supported: ['S256'],
        issuer: ISSUER,
        response_types_supported: ['none'],
      })
    }
  })

  it('may have __proto__ as a name within its value, which changes nothing', async () => {
    const metadata = JSON.parse(
      '{"service":{"__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":1}}}}',
    )
    host = await startExchangeHost({ idp: { algorithm: 'ES256' }, exchange: { metadata } })
    const { text } = await request(host.url).get(PATH)
    expect(text).toContain('"service":{"__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":1}}}')
    expect({}).not.toHaveProperty('polluted')
  })

  it('comes and goes when the options change', async () => {
    expect(await publishedBy({})).not.toHaveProperty('service_documentation')
    const accessToken = { audience: AUDIENCE, signingKeys: [generateSigningKey()] }
    const options = optionsWith({ accessToken, metadata: { service_documentation: AUTHORIZE } })
    host?.exchange.reconfigure(options as unknown as JwtExchangeOptions)
    expect((await request(host?.url ?? '').get(PATH)).body.service_documentation).toBe(AUTHORIZE)
  })
})

describe('the response types', () => {
  it('are those of the authorization endpoint that a host has of its own', async () => {
    const metadata = { authorization_endpoint: AUTHORIZE, response_types_supported: ['code'] }
    expect(await publishedBy({ metadata })).toMatchObject(metadata)
  })

  it('are not others without such an endpoint', () => {
    expect(problemsOf(() => read({ response_types_supported: ['code'] }))).toEqual([
      'conflict metadata.response_types_supported: it describes an authorization endpoint; set `authorization_endpoint` as well, or remove it',
    ])
  })

  it.each([[[]], ['code'], [[1]], [['']], [{}]])('are an array of names, and not %j', (types) => {
    const metadata = { authorization_endpoint: AUTHORIZE, response_types_supported: types }
    expect(problemsOf(() => read(metadata))).toHaveLength(1)
  })
})

describe('the scopes', () => {
  it.each([['x'], [['a b']], [['"']], [[1]], [{}], [true]])('are an array of scope tokens, and not %j', (scopes) => {
    expect(problemsOf(() => read({ scopes_supported: scopes }))).toHaveLength(1)
  })

  it('are those that a host lists, which grants none of them', async () => {
    const document = await publishedBy({ metadata: { scopes_supported: ['admin'] } })
    expect(document.scopes_supported).toEqual(['admin'])
    const assertion = await host?.idp.issueAssertion()
    const { body } = (await host?.exchangeAssertion(assertion ?? '', { scope: 'admin' })) ?? {}
    expect(body.error).toBe('invalid_scope')
  })

  it('are not listed if a host lists none', async () => {
    const document = await publishedBy({ metadata: { scopes_supported: [] } })
    expect([document.issuer, Object.hasOwn(document, 'scopes_supported')]).toEqual([ISSUER, false])
  })
})

describe('the algorithms of client authentication', () => {
  const tokenEndpointOf = (clientAuthMethods: EndpointMetadataDeps['clientAuthMethods']) => {
    const [endpoint] = ENDPOINTS
    const deps = {
      tokenEndpoint: TOKEN_ENDPOINT,
      mtlsTokenEndpoint: undefined,
      grantTypes: [],
      clientAuthMethods,
      mayBeWithoutClient: false,
      isIntrospectionServed: false,
      isRevocationServed: false,
    }
    return endpoint?.metadataOf(deps)
  }

  it('are not listed if no method has any', () => {
    const document = tokenEndpointOf([{ name: 'client_secret_basic' }])
    expect(document).toEqual({
      token_endpoint: TOKEN_ENDPOINT,
      grant_types_supported: [],
      token_endpoint_auth_methods_supported: ['client_secret_basic'],
    })
  })

  it('are those of all methods together, each once, and Ed25519 by both of its names [rule 256]', () => {
    const document = tokenEndpointOf([
      { name: 'client_secret_basic' },
      { name: 'private_key_jwt', signingAlgorithms: ['RS256', 'EdDSA'] },
      { name: 'attested', signingAlgorithms: ['Ed25519', 'ES256', 'RS256'] },
    ])
    expect(document).toMatchObject({
      token_endpoint_auth_methods_supported: ['client_secret_basic', 'private_key_jwt', 'attested'],
      token_endpoint_auth_signing_alg_values_supported: ['RS256', 'Ed25519', 'EdDSA', 'ES256'],
    })
  })
})

describe('the token endpoint for clients with a certificate', () => {
  it.each(['http://127.0.0.1:8443/token', 'https://a/token#x', 'mtls.example.com', '', 443, 'https://user@a/token'])(
    'is an https URL, and not %j',
    (mtlsTokenEndpoint) => {
      expect(problemsOf(() => readExchangeOptions(optionsWith({ mtlsTokenEndpoint })))).toEqual([
        expect.stringMatching(/ mtlsTokenEndpoint: got .*; expected an https URL without fragment$/),
      ])
    },
  )

  it('RFC 8705 §5: is published as an alias, and only if it is set', async () => {
    expect(await publishedBy({})).not.toHaveProperty('mtls_endpoint_aliases')
    await host?.close()
    const mtlsTokenEndpoint = 'https://mtls.api.example.com:8443/oauth2/token?x=1'
    expect(await publishedBy({ mtlsTokenEndpoint })).toMatchObject({
      token_endpoint: TOKEN_ENDPOINT,
      mtls_endpoint_aliases: { token_endpoint: mtlsTokenEndpoint },
    })
  })
})

describe('a file', () => {
  const provider = `[[identity_provider]]\nname = "${PROVIDER.name}"\njwks_uri = "${PROVIDER.jwksUri}"\nallowed_subjects = "any"\n`

  it('has the members by the names of RFC 8414, nested ones too', () => {
    const file = createDeploymentFile()
    try {
      const tables = `[metadata]
authorization_endpoint = "\${AUTHORIZE}"
code_challenge_methods_supported = ["S256"]
[metadata.x_policy]
max_age = 5
[[metadata.x_policy.some_list]]
some_name = "*"
`
      file.write(`mtls_token_endpoint = "https://mtls.example.com/token"\n${deploymentOf()}${provider}${tables}`)
      const options = loadConfig(file.path, { env: { ...process.env, AUTHORIZE } })
      const settings = readExchangeOptions(options)
      expect(settings.mtlsTokenEndpoint).toBe('https://mtls.example.com/token')
      expect(settings.metadata.members).toEqual({
        authorization_endpoint: AUTHORIZE,
        code_challenge_methods_supported: ['S256'],
        x_policy: { max_age: 5, some_list: [{ some_name: '*' }] },
      })
      createJwtExchange(options).close()
    } finally {
      file.remove()
    }
  })

  it('with an option of the top below [metadata] is refused, with its line', () => {
    const file = createDeploymentFile()
    try {
      file.write(`${deploymentOf()}${provider}[metadata]\nrequire_https = true\nissued = 2020-01-01\n`)
      const problems = problemsOf(() => loadConfig(file.path))
      expect(problems).toEqual([
        'unknown_option metadata.require_https: it is not a member of the metadata; set the top-level `require_https` instead',
        expect.stringMatching(/^invalid metadata\.issued: got an object; expected JSON/),
      ])
    } finally {
      file.remove()
    }
  })
})
