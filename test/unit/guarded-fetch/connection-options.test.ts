import { Agent as HttpAgent } from 'node:http'
import { Agent as HttpsAgent } from 'node:https'
import type { LookupFunction } from 'node:net'
import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import {
  isSameConnection,
  type JwksConnectionSettings,
  readJwksConnection,
} from '../../../src/guarded-fetch/connection-options.js'
import { areSendable } from '../../../src/guarded-fetch/request-headers.js'
import { isConfigError } from '../../../src/option-checks/config-error.js'
import { OptionReader } from '../../../src/option-checks/option-reader.js'
import {
  EC_CERTIFICATE,
  EC_CERTIFICATE_KEY,
  EXPIRED_CERTIFICATE,
  RSA_CERTIFICATE,
  RSA_CERTIFICATE_KEY,
} from '../../support/certificates.js'

type Options = Record<string, unknown>

const ENDPOINT = 'https://idp.example.com/keys'
const SECRET = 's3cr3t'
const lookup: LookupFunction = (_hostname, _options, callback) => callback(null, '8.8.8.8', 4)

function read(options: Options, jwksUri: string | undefined = ENDPOINT): JwksConnectionSettings {
  const reader = new OptionReader({ ...(jwksUri !== undefined && { jwksUri }), ...options })
  const settings = readJwksConnection(reader, jwksUri)
  reader.throwProblems()
  return settings
}

/** What the developer reads, one line for each problem; none where the options are right. */
function linesOf(options: Options, jwksUri?: string): string[] {
  try {
    read(options, jwksUri)
    return []
  } catch (error) {
    if (!isConfigError(error)) throw error
    return error.message.split('\n').slice(1)
  }
}

/** The lines for an entry without jwksUri, or with one that was refused already. */
function linesWithoutEndpoint(options: Options): string[] {
  const reader = new OptionReader(options)
  readJwksConnection(reader, undefined)
  try {
    reader.throwProblems()
    return []
  } catch (error) {
    if (!isConfigError(error)) throw error
    return error.message.split('\n').slice(1)
  }
}

const pathsOf = (lines: readonly string[]) => lines.map((line) => line.trim().split(':', 1)[0])

describe('ca', () => {
  const halfOf = (pem: string) => pem.slice(0, 300)
  it.each<[string, unknown]>([
    ['null', null],
    ['true', true],
    ['a number', 7],
    ['an object', { cert: RSA_CERTIFICATE }],
    ['bytes', Buffer.from(RSA_CERTIFICATE)],
    ['an empty text', ''],
    ['a file name', '/etc/ssl/ca.pem'],
    ['an empty list', []],
    ['a list of nothing', [undefined]],
    ['a list in a list', [[RSA_CERTIFICATE]]],
    ['a certificate and null', [RSA_CERTIFICATE, null]],
    ['a certificate and bytes', [RSA_CERTIFICATE, Buffer.from(EC_CERTIFICATE)]],
    ['a private key', RSA_CERTIFICATE_KEY],
    ['a certificate and a private key', [RSA_CERTIFICATE, RSA_CERTIFICATE_KEY]],
    ['half a certificate', halfOf(RSA_CERTIFICATE)],
    ['a certificate and half of one', [RSA_CERTIFICATE, halfOf(EC_CERTIFICATE)]],
    ['a certificate without its lines', RSA_CERTIFICATE.replaceAll('\n', '')],
    ['a certificate without its frame', RSA_CERTIFICATE.split('\n').slice(1, -2).join('\n')],
    ['a request for a certificate', RSA_CERTIFICATE.replaceAll('CERTIFICATE', 'CERTIFICATE REQUEST')],
  ])('is not %s', (_, ca) => expect(pathsOf(linesOf({ ca }))).toEqual(['ca']))

  it.each<[string, string]>([
    ['a private key before it', RSA_CERTIFICATE_KEY + RSA_CERTIFICATE],
    ['a private key behind it', RSA_CERTIFICATE + RSA_CERTIFICATE_KEY],
    ['half a certificate behind it', RSA_CERTIFICATE + halfOf(EC_CERTIFICATE)],
  ])('is no certificate with %s in one text', (_, ca) => expect(pathsOf(linesOf({ ca }))).toEqual(['ca']))

  it('is not repeated where it is a private key', () => {
    expect(linesOf({ ca: RSA_CERTIFICATE_KEY })).toEqual([
      '  ca: got a private key; expected PEM text of X.509 certificates and nothing else',
    ])
  })

  it('is not repeated where it is a private key without its frame', () => {
    const body = EC_CERTIFICATE_KEY.split('\n').slice(1, -2).join('')
    const scalarBeginsAt = 48
    expect(linesOf({ ca: body })).toHaveLength(1)
    expect(linesOf({ ca: body }).join()).not.toContain(body.slice(scalarBeginsAt, scalarBeginsAt + 16))
  })

  it('is one certificate or several, in one text or in a list', () => {
    const bundle = `Authorities:\n${RSA_CERTIFICATE}\n${EC_CERTIFICATE.replaceAll('\n', '\r\n')}`
    expect(read({ ca: RSA_CERTIFICATE }).ca).toEqual([RSA_CERTIFICATE])
    expect(read({ ca: [RSA_CERTIFICATE, EC_CERTIFICATE] }).ca).toEqual([RSA_CERTIFICATE, EC_CERTIFICATE])
    expect(read({ ca: bundle }).ca).toEqual([bundle])
  })

  it('may have expired: what it issued is checked when it is used', () => {
    expect(read({ ca: EXPIRED_CERTIFICATE }).ca).toEqual([EXPIRED_CERTIFICATE])
  })
})

describe('headers', () => {
  const RESERVED = [
    ...['Accept-Encoding', 'CONNECTION', 'content-length', 'Expect', 'Host', 'If-Modified-Since', 'if-none-match'],
    ...['Keep-Alive', 'Proxy-Authorization', 'TE', 'Trailer', 'Transfer-Encoding', 'UPGRADE'],
  ]
  const many = (count: number) =>
    Object.fromEntries(Array.from({ length: count }, (_, index) => [`x-${index}`, SECRET]))
  const BAD: readonly [string, unknown][] = [
    ['null', null],
    ['a text', `authorization: ${SECRET}`],
    ['a number', 7],
    ['a list', [['authorization', SECRET]]],
    ['an empty list', []],
    ['a value that is a number', { authorization: SECRET, 'x-a': 7 }],
    ['a value that is null', { authorization: SECRET, 'x-a': null }],
    ['a value that is undefined', { authorization: SECRET, 'x-a': undefined }],
    ['a value that is a list', { authorization: [SECRET] }],
    ['a value that is a function', { authorization: () => SECRET }],
    ['a value with a line end', { authorization: `${SECRET}\r\nx-a: b` }],
    ['a value with a line feed in it', { authorization: `${SECRET}\na` }],
    ['a value with a carriage return', { authorization: `\r${SECRET}` }],
    ['a value with NUL', { authorization: `${SECRET}\u0000` }],
    ['a value with DEL', { authorization: `${SECRET}\u007f` }],
    ['a value beyond Latin-1', { authorization: `${SECRET}€` }],
    ['an empty name', { '': SECRET }],
    ['a name with a space', { 'x a': SECRET }],
    ['a name with a colon', { 'x:a': SECRET }],
    ['a name with a line end', { 'x\r\nauthorization': SECRET }],
    ['a name beyond ASCII', { 'x-ü': SECRET }],
    ['a pseudo-header', { ':authority': SECRET }],
    ['more than twenty', many(21)],
  ]

  it.each(BAD)('are not %s', (_, headers) => {
    expect(areSendable(headers)).toBe(false)
    const lines = linesOf({ headers })
    expect(pathsOf(lines)).toEqual(['headers'])
    expect(lines.join()).not.toContain(SECRET)
  })

  it.each(RESERVED)('are never %s, in any case', (name) => {
    for (const spelling of [name, name.toLowerCase(), name.toUpperCase()]) {
      expect(areSendable({ authorization: 'x', [spelling]: SECRET })).toBe(false)
      expect(linesOf({ headers: { [spelling]: SECRET } }).join()).not.toContain(SECRET)
    }
  })

  it.each<[string, unknown]>([
    ['a Headers object', new Headers({ authorization: SECRET })],
    ['a Map', new Map([['authorization', SECRET]])],
    ['a Set', new Set([SECRET])],
    ['a Date', new Date(0)],
    ['inherited', Object.create({ authorization: SECRET })],
  ])('are not %s, of which nothing would be sent', (_, headers) => {
    expect(areSendable(headers)).toBe(false)
    expect(pathsOf(linesOf({ headers }))).toEqual(['headers'])
  })

  it.each(['range', 'if-match', 'if-unmodified-since'])(
    'are never %s, which changes the meaning of the request',
    (name) => expect(areSendable({ [name]: 'x' })).toBe(false),
  )

  it('say what is wanted', () => {
    expect(linesOf({ headers: { host: SECRET } })).toEqual(['  headers: the client sets host itself; remove it'])
  })

  it.each<[string, Record<string, string>]>([
    ['none', {}],
    ['one', { authorization: `Bearer ${SECRET}` }],
    ['in any case', { Authorization: 'x', 'X-Tenant': 'a', 'USER-AGENT': 'us', accept: 'application/json' }],
    ['empty', { 'x-a': '' }],
    ['Latin-1, or with a tab', { 'x-a': 'Zürich', 'x-b': 'a\tb' }],
    ['twenty', many(20)],
  ])('may be %s', (_, headers) => {
    expect(areSendable(headers)).toBe(true)
    expect(read({ headers }).headers).toEqual(headers)
  })

  it('may be a function, which is not called yet', () => {
    let calls = 0
    const headers = () => {
      calls += 1
      return { authorization: SECRET }
    }
    expect([read({ headers }).headers, calls]).toEqual([headers, 0])
    expect(areSendable(headers)).toBe(false)
  })

  it('stay out of the message, whatever the names and values are', () => {
    const value = fc.oneof(fc.string({ unit: 'binary' }), fc.constantFrom(7, null, undefined))
    fc.assert(
      fc.property(
        fc.dictionary(
          fc.string(),
          value.map((each) => (typeof each === 'string' ? SECRET + each : each)),
        ),
        (headers) => {
          expect(linesOf({ headers }).join()).not.toContain(SECRET)
        },
      ),
    )
  })

  it('can be sent as they are wherever they are taken', () => {
    const names = fc.oneof(fc.string(), fc.constantFrom('authorization', 'Host', 'x-a', '__proto__', 'constructor'))
    fc.assert(
      fc.property(fc.dictionary(names, fc.string({ unit: 'binary' })), (headers) => {
        if (!areSendable(headers)) return
        const sent = new Headers(headers as Record<string, string>)
        expect([...sent.keys()].filter((name) => RESERVED.some((each) => each.toLowerCase() === name))).toEqual([])
        expect(Object.values(headers).some((text) => /[\r\n\0]/.test(text))).toBe(false)
      }),
    )
  })
})

describe('proxy', () => {
  it.each<[string, unknown]>([
    ['null', null],
    ['true', true],
    ['a URL object', new URL('http://proxy.example.com')],
    ['empty', ''],
    ['a name', 'proxy.example.com'],
    ['a name and a port', 'proxy.example.com:3128'],
    ['without a host', 'http://'],
    ['without a host, with a port', 'http://:3128'],
    ['without a scheme', '//proxy.example.com'],
    ['with one slash', 'http:/proxy.example.com'],
    ['with three slashes', 'http:///proxy.example.com'],
    ['with backslashes', 'http:\\\\proxy.example.com'],
    ['with a space before it', ' http://proxy.example.com'],
    ['with a space in the host', 'http://proxy example.com'],
    ['with a port that is none', 'http://proxy.example.com:65536'],
    ['SOCKS', 'socks5://proxy.example.com:1080'],
    ['FTP', 'ftp://proxy.example.com'],
    ['a file', 'file:///etc/passwd'],
    ['a variable that was not replaced', '${HTTPS_PROXY}'],
  ])('is not %s', (_, proxy) => expect(pathsOf(linesOf({ proxy }))).toEqual(['proxy']))

  it.each([
    `socks5://user:${SECRET}@proxy.example.com:1080`,
    `http://user:${SECRET}@`,
    `http://user:${SECRET}@proxy.example.com:65536`,
    `http://user:a@${SECRET}@proxy.example.com:65536`,
    `http://user:p#${SECRET}@proxy.example.com:3128`,
    `http://user:p?${SECRET}@proxy.example.com:3128`,
    `http://user:p/${SECRET}@proxy.example.com:3128`,
    `http:/user:${SECRET}@proxy.example.com:3128`,
    `http:user:${SECRET}@proxy.example.com:3128`,
    `http:\\\\user:${SECRET}@proxy.example.com:3128`,
    `user:${SECRET}@proxy.example.com:3128`,
    SECRET,
  ])('is refused without its password: %s', (proxy) => {
    const lines = linesOf({ proxy })
    expect(pathsOf(lines)).toEqual(['proxy'])
    expect(lines.join()).not.toContain(SECRET)
  })

  it.each([
    `http://user:1#${SECRET}@proxy.example.com:3128`,
    `http://user:1?${SECRET}@proxy.example.com:3128`,
    `http://user:1/${SECRET}@proxy.example.com:3128`,
  ])('is refused where the password is not encoded, so that the user is taken for the host: %s', (proxy) => {
    expect(pathsOf(linesOf({ proxy }))).toEqual(['proxy'])
  })

  it('is refused where its user info cannot be decoded, with which no tunnel could be asked for', () => {
    expect(pathsOf(linesOf({ proxy: 'http://user:100%@proxy.example.com' }))).toEqual(['proxy'])
  })

  it.each(['http://169.254.169.254', 'http://0xa9fea9fe:3128', 'https://[fd00:ec2::254]', 'http://[::ffff:a9fe:a9fe]'])(
    'is no metadata service, with which no connection is made ever: %s',
    (proxy) => expect(pathsOf(linesOf({ proxy }))).toEqual(['proxy']),
  )

  it.each([
    'http://proxy.example.com',
    'http://proxy.example.com:3128/',
    'HTTPS://Proxy.Example.Com:8443',
    'http://10.0.0.1:3128',
    'http://[::1]:3128',
    'http://user@proxy.example.com',
    `http://user:${SECRET}%23%2F%3F%40@proxy.example.com:3128`,
  ])('is read with all that it says: %s', (proxy) => expect(read({ proxy }).proxy).toEqual(new URL(proxy)))
})

describe('agent', () => {
  it.each<[string, unknown]>([
    ['null', null],
    ['true', true],
    ['false, as in Node', false],
    ['a text', 'agent'],
    ['an object that makes no connections', {}],
    ['an object with something else of that name', { addRequest: true, createConnection: 'yes' }],
    ['the class', HttpsAgent],
  ])('is not %s', (_, agent) => expect(pathsOf(linesOf({ agent }))).toEqual(['agent']))

  it.each<[string, object]>([
    ['of https', new HttpsAgent()],
    ['of http', new HttpAgent()],
    ['of another make, that takes requests', { addRequest: () => {} }],
  ])('is one %s', (_, agent) => expect(read({ agent }).agent).toBe(agent))
})

describe('lookup', () => {
  it.each<[string, unknown]>([
    ['null', null],
    ['false', false],
    ['a text', '8.8.8.8'],
    ['an object', { lookup }],
  ])('is not %s', (_, value) => expect(pathsOf(linesOf({ lookup: value }))).toEqual(['lookup']))

  it('is a function', () => expect(read({ lookup }).lookup).toBe(lookup))
})

describe('network', () => {
  it.each<[string, unknown]>([
    ['null', null],
    ['true', true],
    ['empty', ''],
    ['in capitals', 'PUBLIC'],
    ['private', 'private'],
    ['a list', ['public']],
  ])('is not %s', (_, network) => {
    expect(linesOf({ network })).toHaveLength(1)
    expect(pathsOf(linesOf({ network }))).toEqual(['network'])
    expect(linesOf({ network })[0]).toMatch(/expected one of "any", "public"/)
  })

  it('is any where nothing is said', () => expect(read({}).network).toBe('any'))
  it('is any or public', () => {
    expect([read({ network: 'any' }).network, read({ network: 'public' }).network]).toEqual(['any', 'public'])
  })
})

describe('options that do not go together', () => {
  const proxy = `http://user:${SECRET}@proxy.example.com`
  const agent = new HttpsAgent()

  it.each<[string, Options, string[]]>([
    ['a proxy and an agent', { proxy, agent }, ['proxy']],
    ['a proxy and the public network', { proxy, network: 'public' }, ['network']],
    ['an agent and the public network', { agent, network: 'public' }, ['network']],
    ['all three', { proxy, agent, network: 'public' }, ['proxy', 'network']],
  ])('are %s', (_, options, paths) => {
    expect(pathsOf(linesOf(options))).toEqual(paths)
    expect(linesOf(options).join()).not.toContain(SECRET)
  })

  it('are a proxy and an endpoint on http', () => {
    const lines = linesOf({ proxy }, 'http://localhost:8080/keys')
    expect(pathsOf(lines)).toEqual(['proxy'])
    expect(lines.join()).not.toContain(SECRET)
  })

  it.each<[string, Options]>([
    ['ca', { ca: RSA_CERTIFICATE }],
    ['headers', { headers: { authorization: SECRET } }],
    ['bearerTokenFile', { bearerTokenFile: 'token' }],
    ['proxy', { proxy }],
    ['agent', { agent }],
    ['lookup', { lookup }],
    ['network', { network: 'any' }],
    ['allowInsecureHttp', { allowInsecureHttp: false }],
  ])('are %s and no jwksUri', (name, options) => {
    expect(linesWithoutEndpoint({ certificates: [RSA_CERTIFICATE], ...options })).toEqual([
      `  ${name}: has no effect without an endpoint; set \`jwksUri\` as well, or remove it`,
    ])
  })

  it('are told once, though there are several without a jwksUri', () => {
    expect(linesWithoutEndpoint({ ca: RSA_CERTIFICATE, lookup, network: 'public' })).toHaveLength(1)
  })

  it('are not told again where a jwksUri was refused already', () => {
    expect(linesWithoutEndpoint({ jwksUri: 'idp.example.com', ca: RSA_CERTIFICATE, lookup })).toEqual([])
  })

  it('are all told at once', () => {
    const options = { ca: '', headers: null, proxy: '', agent: null, lookup: null, network: '' }
    expect(pathsOf(linesOf(options))).toEqual(['ca', 'proxy', 'agent', 'lookup', 'network', 'headers'])
  })

  it('are refused where they are undefined, each of them', () => {
    const nothing = { ca: undefined, headers: undefined, proxy: undefined, agent: undefined, lookup: undefined }
    const lines = linesOf({ ...nothing, network: undefined })
    expect(pathsOf(lines)).toEqual(['ca', 'proxy', 'agent', 'lookup', 'network', 'headers'])
    for (const line of lines) expect(line).toContain('leave the option out. Is the environment variable set?')
  })
})

describe('the host of the endpoint', () => {
  const METADATA = ['169.254.169.254', '0xa9fea9fe', '2852039166', '169.254.169.254.', '[::ffff:169.254.169.254]']
  const MORE = ['[fd00:ec2::254]', '[FD00:0EC2::0254]', '[fd20:ce::254]', '[64:ff9b::a9fe:a9fe]', '168.63.129.16']

  it.each([...METADATA, ...MORE])('is no metadata service: %s', (host) => {
    for (const network of [{}, { network: 'any' }, { network: 'public' }]) {
      const lines = linesOf(network, `https://${host}/keys`)
      expect([pathsOf(lines), lines[0]?.endsWith('another host, because a metadata service has no key set')]).toEqual([
        ['jwksUri'],
        true,
      ])
    }
    expect(pathsOf(linesOf({ proxy: 'http://proxy.example.com' }, `https://${host}/keys`))).toEqual(['jwksUri'])
    expect(pathsOf(linesOf({ agent: new HttpsAgent() }, `https://${host}/keys`))).toEqual(['jwksUri'])
  })

  it.each([
    'http://localhost:8080',
    'https://localhost',
    'https://idp.localhost',
    'http://127.0.0.1:8080',
    'https://127.1',
    'http://[::1]:8080',
    'https://10.0.0.1',
    'https://192.168.1.1:8443',
    'https://[fd12::1]',
    'https://[::ffff:10.0.0.1]',
  ])('is not private where the network is public, and may be in any other: %s', (origin) => {
    const lines = linesOf({ network: 'public' }, `${origin}/keys`)
    expect(pathsOf(lines)).toEqual(['jwksUri'])
    expect(lines[0]).toMatch(/another host, because `network` is "public"; set it to "any" for a private one$/)
    expect(linesOf({}, `${origin}/keys`)).toEqual([])
    expect(linesOf({ network: 'any' }, `${origin}/keys`)).toEqual([])
  })

  it.each(['https://idp.example.com', 'https://8.8.8.8', 'https://[2606:4700:4700::1111]'])(
    'may be public: %s',
    (origin) => expect(linesOf({ network: 'public' }, `${origin}/keys`)).toEqual([]),
  )
})

describe('two connections', () => {
  const agent = new HttpsAgent()
  const headers = () => ({})
  const full = { ca: [RSA_CERTIFICATE], headers: { 'x-a': '1' }, lookup, network: 'public' }
  const isSame = (one: Options, other: Options) => isSameConnection(read(one), read(other))

  it.each<[string, Options, Options]>([
    ['ca', {}, { ca: RSA_CERTIFICATE }],
    ['ca', { ca: EC_CERTIFICATE }, { ca: RSA_CERTIFICATE }],
    ['ca', { ca: RSA_CERTIFICATE }, { ca: [RSA_CERTIFICATE, EC_CERTIFICATE] }],
    ['headers', {}, { headers: { 'x-a': '1' } }],
    ['headers', { headers: { 'x-a': '1' } }, { headers: { 'x-a': '2' } }],
    ['headers', { headers: { 'x-a': '1' } }, { headers: { 'x-b': '1' } }],
    ['headers', { headers: {} }, { headers }],
    ['headers', { headers }, { headers: {} }],
    ['headers', {}, { headers }],
    ['headers', { headers }, { headers: () => ({}) }],
    ['proxy', {}, { proxy: 'http://proxy.example.com' }],
    ['proxy', { proxy: 'http://a@proxy.example.com' }, { proxy: 'http://b@proxy.example.com' }],
    ['agent', {}, { agent }],
    ['agent', { agent: new HttpsAgent() }, { agent }],
    ['lookup', {}, { lookup }],
    ['lookup', { lookup: () => {} }, { lookup: () => {} }],
    ['network', { network: 'any' }, { network: 'public' }],
  ])('differ by %s (%#)', (_, one, other) => expect([isSame(one, other), isSame(other, one)]).toEqual([false, false]))

  it.each<[string, Options, Options]>([
    ['nothing', {}, {}],
    ['all', full, { ...full, ca: [RSA_CERTIFICATE], headers: { 'x-a': '1' } }],
    ['a certificate, in a list or not', { ca: RSA_CERTIFICATE }, { ca: [RSA_CERTIFICATE] }],
    ['a function', { headers }, { headers }],
    ['an agent', { agent }, { agent }],
    ['a proxy, however it is spelt', { proxy: 'http://Proxy.example.com:80' }, { proxy: 'http://proxy.example.com/' }],
    ['the default network', {}, { network: 'any' }],
  ])('are the same with %s', (_, one, other) => expect([isSame(one, other), isSame(other, one)]).toEqual([true, true]))
})
