import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { FakeIdentityProvider, type FakeKey, signAssertion } from '../../src/testing/index.js'
import { ACCEPTED, type ClockedHost, refused, startClockedHost } from '../support/clocked-host.js'
import { encodePart, type JwsPart, signCompact, signingInputOf } from '../support/compact-jws.js'

let host: ClockedHost
beforeAll(async () => {
  host = await startClockedHost()
})
afterAll(() => host.close())

/** Signed by the identity provider, whatever the bytes. */
function sign(header: JwsPart, payload: JwsPart): string {
  return signCompact(host.idp.signingKey, signingInputOf(header, payload))
}

async function partsOf(assertion: Promise<string>): Promise<[header: string, payload: string, signature: string]> {
  const [header = '', payload = '', signature = ''] = (await assertion).split('.')
  return [header, payload, signature]
}

describe('the compact form', () => {
  type Parts = [header: string, payload: string, signature: string]
  it.each<[string, (parts: Parts) => string]>([
    ['one part', ([header]) => header],
    ['two parts', ([header, payload]) => `${header}.${payload}`],
    ['four parts', (parts) => `${parts.join('.')}.x`],
    ['a dot at the end', (parts) => `${parts.join('.')}.`],
    ['a dot at the beginning', (parts) => `.${parts.join('.')}`],
    ['20 000 dots', () => '.'.repeat(20_000)],
    ['an empty header', ([, payload, signature]) => `.${payload}.${signature}`],
    ['an empty payload', ([header, , signature]) => `${header}..${signature}`],
    ['an empty signature', ([header, payload]) => `${header}.${payload}.`],
  ])('RFC 7515 §7.1: an assertion of %s is refused [rule 35]', async (_, write) => {
    expect(await host.judge(write(await partsOf(host.assertion())))).toEqual(refused('malformed_jwt'))
  })

  it.each<[string, (parts: Parts) => string]>([
    ['padding of the signature', (parts) => `${parts.join('.')}==`],
    ['padding of the header', ([header, payload, signature]) => `${header}=.${payload}.${signature}`],
    [
      'a space within',
      ([header, payload, signature]) => `${header}.${payload}.${signature.slice(0, 9)} ${signature.slice(9)}`,
    ],
    ['a line feed within', ([header, payload, signature]) => `${header}.${payload}.\n${signature}`],
    ['CR LF at the end', (parts) => `${parts.join('.')}\r\n`],
    ['a tab at the beginning', (parts) => `\t${parts.join('.')}`],
    ['a NUL at the end', (parts) => `${parts.join('.')}\u0000`],
    ['a zero-width space at the end', (parts) => `${parts.join('.')}\u200b`],
    ['a plus sign', ([header, payload, signature]) => `${header}.${payload}.+${signature.slice(1)}`],
    ['a slash', ([header, payload, signature]) => `${header}.${payload}./${signature.slice(1)}`],
  ])('RFC 7515 §2: an assertion with %s is refused [rule 35]', async (_, write) => {
    expect(await host.judge(write(await partsOf(host.assertion())))).toEqual(refused('malformed_jwt'))
  })

  it('RFC 7515 §2: base64url whose unused last bits are set is refused, though the bytes are the same [rule 35]', async () => {
    const assertion = await host.assertion()
    const last = assertion.at(-1) ?? ''
    const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
    const sibling = assertion.slice(0, -1) + alphabet[alphabet.indexOf(last) + 1]
    const bytesOf = (token: string) => Buffer.from(token.split('.')[2] ?? '', 'base64url')
    expect(bytesOf(sibling)).toEqual(bytesOf(assertion))
    expect(await host.judge(sibling)).toEqual(refused('malformed_jwt'))
    expect(await host.judge(assertion)).toEqual(ACCEPTED)
  })

  it('RFC 7515 §7.2: the JSON serializations are refused, flattened and general [rule 35]', async () => {
    const [header, payload, signature] = await partsOf(host.assertion())
    const flattened = JSON.stringify({ protected: header, payload, signature })
    const general = JSON.stringify({ payload, signatures: [{ protected: header, signature }] })
    expect(await host.judge(flattened)).toEqual(refused('malformed_jwt'))
    expect(await host.judge(general)).toEqual(refused('malformed_jwt'))
  })
})

describe('the algorithm', () => {
  it.each([
    'none',
    'None',
    'NONE',
    'nOnE',
    'none ',
    'none\u0000',
    '',
    'es256',
    'Es256',
    'ES256 ',
    'ES256K',
    'HS256',
    '__proto__',
  ])('RFC 7515 §4.1.1: the alg %j is refused, signed or not [rule 36]', async (alg) => {
    const [header, payload, signature] = await partsOf(host.assertion({}, { alg }))
    expect(await host.judge(`${header}.${payload}.${signature}`)).toEqual(refused('algorithm_not_allowed'))
    expect(await host.judge(`${header}.${payload}.AA`)).toEqual(refused('algorithm_not_allowed'))
    expect(await host.judge(`${header}.${payload}.`)).toEqual(refused('malformed_jwt'))
  })

  it.each([undefined, null, 0, true, ['ES256'], { alg: 'ES256' }])(
    'RFC 7515 §4.1.1: an alg that is %j is refused [rule 36]',
    async (alg) => {
      expect(await host.judge(await host.assertion({}, { alg }))).toEqual(refused('malformed_jwt'))
    },
  )

  it('RFC 7515 §4.1.1: an alg that differs from that of the signature is refused [rule 36]', async () => {
    expect(await host.judge(await host.assertion({}, { alg: 'ES384' }))).toEqual(refused('unknown_key'))
    expect(await host.judge(await host.assertion({}, { alg: 'RS256' }))).toEqual(refused('unknown_key'))
  })

  it('RFC 7515 §4.1.1: the alg of the published key is accepted [rule 36]', async () => {
    expect(await host.judge(await host.assertion({}, { alg: 'ES256' }))).toEqual(ACCEPTED)
  })
})

describe('the header', () => {
  it.each<[string, Record<string, unknown>]>([
    ['an unknown name', { crit: ['urn:example:x'], 'urn:example:x': true }],
    ['a name that is not there', { crit: ['urn:example:x'] }],
    ['a registered name', { crit: ['alg'] }],
    ['b64', { crit: ['b64'], b64: true }],
    ['a name twice', { crit: ['x', 'x'], x: 1 }],
    ['nothing, an empty list', { crit: [] }],
    ['a string', { crit: 'x', x: 1 }],
    ['null', { crit: null }],
  ])('RFC 7515 §4.1.11: a crit of %s is refused [rule 37]', async (_, header) => {
    expect(await host.judge(await host.assertion({}, header))).toEqual(refused('unsupported_header'))
  })

  it.each<[string, Record<string, unknown>]>([
    ['without crit', { b64: false }],
    ['named in crit', { b64: false, crit: ['b64'] }],
  ])('RFC 7797 §7: b64 false %s is refused [rule 40]', async (_, header) => {
    expect(await host.judge(await host.assertion({}, header))).toEqual(refused('unsupported_header'))
  })

  it('RFC 7797 §3: a payload that is not encoded is refused [rule 40]', async () => {
    const payload = JSON.stringify(host.claims())
    const header = encodePart(host.header({ b64: false, crit: ['b64'] }))
    expect(await host.judge(signCompact(host.idp.signingKey, `${header}.${payload}`))).toMatchObject({
      status: 400,
      error: 'invalid_grant',
    })
  })

  it.each([
    ['alg', '{"alg":"none","alg":"ES256","kid":KID}'],
    ['kid', '{"alg":"ES256","kid":"other","kid":KID}'],
    ['a name written with an escape', '{"alg":"ES256","\\u0061lg":"ES256","kid":KID}'],
    ['an unknown name', '{"alg":"ES256","kid":KID,"x":1,"x":1}'],
    ['a name within an object', '{"alg":"ES256","kid":KID,"x":{"y":1,"y":1}}'],
  ])('RFC 7515 §4: a header with %s twice is refused [rule 38]', async (_, header) => {
    const kid = JSON.stringify(host.idp.signingKey.kid)
    expect(await host.judge(sign(header.replace('KID', kid), host.claims()))).toEqual(refused('malformed_jwt'))
  })

  it.each([
    ['iss', '"iss":"https://other.example.com",'],
    ['sub', '"sub":"mallory",'],
    ['exp', '"exp":9999999999,'],
    ['a name written with an escape', '"\\u0073ub":"mallory",'],
    ['a name within an array', '"x":[{"y":1,"y":2}],'],
  ])('RFC 7519 §4: claims with %s twice are refused [rule 38]', async (_, first) => {
    const claims = JSON.stringify(host.claims()).replace('{', `{${first}`)
    expect(await host.judge(sign(host.header(), claims))).toEqual(refused('malformed_jwt'))
  })

  it('RFC 7519 §4: one name in two objects, and strings that look like names, are not duplicates [rule 38]', async () => {
    const claims = { a: { x: 1 }, b: { x: 1 }, c: '"sub":"mallory","sub":', d: ['sub', ':'], 'e"': ': "' }
    expect(await host.judge(await host.assertion(claims))).toEqual(ACCEPTED)
  })
})

describe('a key that the header brings along', () => {
  let attacker: FakeIdentityProvider
  let key: FakeKey
  beforeAll(async () => {
    attacker = await FakeIdentityProvider.start({ algorithm: 'ES256' })
    key = attacker.signingKey
  })
  afterAll(() => attacker.close())

  it.each<[string, () => Record<string, unknown>]>([
    ['jwk', () => ({ jwk: key.publicJwk })],
    ['jku', () => ({ jku: attacker.jwksUri })],
    ['x5u', () => ({ x5u: attacker.jwksUri })],
    ['x5c', () => ({ x5c: [encodePart('certificate')], x5t: 'AA', 'x5t#S256': 'AA' })],
    ['jku, the kid being a URL', () => ({ jku: attacker.jwksUri, kid: attacker.jwksUri })],
  ])(
    'RFC 7515 §4.1: a key that the header brings along is not used, and nothing is fetched from it, by %s [rule 39]',
    async (_, parameters) => {
      const ownKid = { kid: key.kid, ...parameters() }
      const ourKid = { ...ownKid, kid: host.idp.signingKey.kid }
      const noKid = { ...ownKid, kid: undefined }
      for (const header of [ownKid, ourKid, noKid]) {
        const verdict = await host.judge(await signAssertion(key, host.header(header), host.claims()))
        expect(verdict).toEqual(refused(header === ownKid ? 'unknown_key' : 'bad_signature'))
      }
      expect(attacker.fetches).toBe(0)
    },
  )

  it('RFC 7515 §4.1.3: a key that the header brings along does not disturb a signature by the published key [rule 39]', async () => {
    const header = { jwk: key.publicJwk, jku: attacker.jwksUri, x5c: ['AA'] }
    expect(await host.judge(await host.assertion({}, header))).toEqual(ACCEPTED)
    expect(attacker.fetches).toBe(0)
  })
})

describe('header and payload', () => {
  const notObjects: [string, JwsPart][] = [
    ['an array', '[]'],
    ['an array of an object', '[{"alg":"ES256"}]'],
    ['a number', '1'],
    ['a string', '"{}"'],
    ['null', 'null'],
    ['true', 'true'],
    ['nothing but white space', ' '],
    ['no JSON', 'alg=ES256'],
  ]
  const spoil: [string, (json: string) => JwsPart][] = [
    ['behind a BOM', (json) => `\uFEFF${json}`],
    [
      'with bytes that are not UTF-8',
      (json) =>
        Buffer.concat([Buffer.from(`${json.slice(0, -1)},"x":"`), Buffer.from([0xff, 0xfe]), Buffer.from('"}')]),
    ],
    [
      'with an overlong encoding',
      (json) =>
        Buffer.concat([Buffer.from(`${json.slice(0, -1)},"x":"`), Buffer.from([0xc0, 0xaf]), Buffer.from('"}')]),
    ],
    ['in UTF-16', (json) => Buffer.from(json, 'utf16le')],
    ['with garbage behind', (json) => `${json}x`],
    ['with a second object behind', (json) => `${json}{}`],
    ['with a comment', (json) => `/**/${json}`],
    ['with a comma too many', (json) => `${json.slice(0, -1)},}`],
    ['with NaN', (json) => `${json.slice(0, -1)},"x":NaN}`],
    ['nested 200 levels deep', (json) => `${json.slice(0, -1)},"x":${'['.repeat(200)}${']'.repeat(200)}}`],
  ]

  it.each(notObjects)('RFC 7515 §5.2: a header that is %s is refused [rule 41]', async (_, header) => {
    expect(await host.judge(sign(header, host.claims()))).toEqual(refused('malformed_jwt'))
  })

  it.each(spoil)('RFC 7515 §5.2: a header %s is refused [rule 41]', async (_, write) => {
    const header = write(JSON.stringify(host.header()))
    expect(await host.judge(sign(header, host.claims()))).toEqual(refused('malformed_jwt'))
  })

  it.each(notObjects)('RFC 7519 §7.2: a payload that is %s is refused [rule 41]', async (_, payload) => {
    expect(await host.judge(sign(host.header(), payload))).toEqual(refused('malformed_jwt'))
  })

  it.each(spoil)('RFC 7519 §7.2: a payload %s is refused [rule 41]', async (_, write) => {
    const payload = write(JSON.stringify(host.claims()))
    expect(await host.judge(sign(host.header(), payload))).toEqual(refused('malformed_jwt'))
  })

  it('RFC 7515 §5.2: white space around and characters outside ASCII are fine [rule 41]', async () => {
    const payload = ` ${JSON.stringify(host.claims({ name: 'Zoë 漢字 \u{1F600}' }), null, 2)}\n`
    expect(await host.judge(sign(`\n${JSON.stringify(host.header())} `, payload))).toEqual(ACCEPTED)
  })

  it('RFC 7519 §5.3: claims that the header repeats count for nothing [rule 41]', async () => {
    const good = host.claims()
    const verdict = await host.judge(sign(host.header(good), host.claims({ aud: 'https://elsewhere.example.com' })))
    expect(verdict).toEqual(refused('wrong_audience'))
  })
})
