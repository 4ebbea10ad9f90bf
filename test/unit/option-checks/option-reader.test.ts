import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { ConfigError, formatPath, isConfigError } from '../../../src/option-checks/config-error.js'
import { OptionReader } from '../../../src/option-checks/option-reader.js'
import { closestName } from '../../../src/option-checks/unknown-option.js'
import { isLoopback, isSecureUrl } from '../../../src/option-checks/urls.js'

/** The lines of the ConfigError that reading these options ends with; none where they are right. */
function problemsOf(options: unknown, read: (reader: OptionReader) => void): string[] {
  const reader = new OptionReader(options)
  read(reader)
  reader.refuseUnknown()
  try {
    reader.throwProblems()
    return []
  } catch (error) {
    if (!isConfigError(error)) throw error
    return error.message.split('\n').slice(1)
  }
}

describe('an option reader', () => {
  it('takes neither null nor undefined for the default', () => {
    const read = (reader: OptionReader) => {
      reader.integer('a', { min: 1, max: 2, default: 1, unit: 'seconds' })
      reader.boolean('b', true)
      reader.oneOf('c', ['x'], 'x')
      reader.object('d')
    }
    expect(problemsOf({ a: null, b: null, c: null, d: null }, read)).toHaveLength(4)
    expect(problemsOf({ a: undefined, b: undefined, c: undefined, d: undefined }, read)).toEqual(
      [...'abcd'].map(
        (key) => `  ${key}: got undefined; set a value or leave the option out. Is the environment variable set?`,
      ),
    )
    expect(problemsOf({}, read)).toEqual([])
  })

  it('finds every problem at once, each with path, finding and wish', () => {
    const lines = problemsOf(
      { lifetime: 0, on: 'yes', mode: 'c', name: '', list: ['a', 7], inner: { size: 1.5 } },
      (reader) => {
        reader.integer('lifetime', { min: 1, max: 60, default: 30, unit: 'seconds' })
        reader.boolean('on', false)
        reader.oneOf('mode', ['a', 'b'], 'a')
        reader.string('name')
        reader.strings('list', 'names')
        reader.object('inner').integer('size', { min: 1, max: 9, default: 5, unit: 'bytes' })
      },
    )
    expect(lines).toEqual([
      '  lifetime: got 0; expected a whole number of seconds from 1 to 60',
      '  on: got "yes"; expected true or false',
      '  mode: got "c"; expected one of "a", "b"',
      '  name: got ""; expected a non-empty string',
      '  list[1]: got 7; expected names',
      '  inner.size: got 1.5; expected a whole number of bytes from 1 to 9',
    ])
  })

  it('counts the problems in the first line', () => {
    const message = (count: number) =>
      new ConfigError(
        Array.from({ length: count }, () => ({ code: 'invalid' as const, path: ['a'], message: 'got b; expected c' })),
      ).message
    expect(message(1)).toMatch(/^1 problem in the options of express-jwt-exchange:\n {2}a: got b; expected c$/)
    expect(message(2)).toMatch(/^2 problems in/)
  })

  it('gives bounds as they are, and the default where nothing stands', () => {
    const bounds = { min: 1, max: 60, default: 30, unit: 'seconds' }
    for (const [options, expected] of [
      [{ value: 1 }, 1],
      [{ value: 60 }, 60],
      [{}, 30],
    ]) {
      const reader = new OptionReader(options)
      expect(reader.integer('value', bounds)).toBe(expected)
      expect(() => reader.throwProblems()).not.toThrow()
    }
    for (const value of [0, 61, 1.5, Number.NaN, Number.POSITIVE_INFINITY, '30', true, [30], {}, 30n]) {
      expect(problemsOf({ value }, (reader) => reader.integer('value', bounds))).toHaveLength(1)
    }
  })

  it('asks whether the nearest name was meant', () => {
    const lineFor = (name: string) =>
      problemsOf({ [name]: 1 }, (reader) => {
        for (const known of ['jwksUri', 'clientSecret', 'enabled']) reader.has(known)
      })
    expect(lineFor('jwksUrl')).toEqual(['  jwksUrl: unknown option; did you mean `jwksUri`?'])
    expect(lineFor('client_secret')[0]).toContain('did you mean `clientSecret`?')
    expect(lineFor('enable')[0]).toContain('did you mean `enabled`?')
    expect(lineFor('colour')[0]).not.toContain('did you mean')
  })

  it('never tells a secret, nor anything of it', () => {
    const secret = 'hunter2'
    for (const value of ['', [secret], { secret }, 2, null, undefined]) {
      const options = { secret: value, clientsecret: secret, [secret.length]: secret }
      const lines = problemsOf(options, (reader) => reader.secret('secret'))
      expect(lines).toHaveLength(3)
      expect(lines.join()).not.toContain(secret)
    }
    expect(problemsOf({ secret }, (reader) => reader.secret('secret'))).toEqual([])
  })

  it('tells only the type of what stands in the place of an object', () => {
    for (const value of ['hunter2', 7, null, ['hunter2'], true]) {
      const lines = problemsOf({ clients: [value], inner: value ?? undefined }, (reader) => {
        reader.objects('clients')
        reader.object('inner')
      })
      expect(lines[0]).toMatch(/^ {2}clients\[0\]: got (an?|null) ?\w*; expected an object$/)
      expect(lines.join()).not.toContain('hunter2')
    }
  })

  it.each([
    ['a private key', '-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIhunter2hunter2\n-----END PRIVATE KEY-----'],
    ['the password in a URL', 'https://user:hunter2@idp.example.com/keys'],
    ['the password in a URL, cut off', `https://user:hunter2${'x'.repeat(100)}@idp.example.com/keys`],
    ['a key as JSON', '{"keys":[{"kty":"oct","k":"hunter2"}]}'],
  ])('does not quote %s', (_, value) => {
    expect(problemsOf({ value }, (reader) => reader.string('value', 'another', () => false)).join()).not.toContain(
      'hunter2',
    )
  })

  it('quotes a long value short', () => {
    const [line = ''] = problemsOf({ value: 'x'.repeat(1000) }, (reader) => reader.string('value', 'less', () => false))
    expect(line.length).toBeLessThan(130)
  })

  it('knows own options only', () => {
    const reader = new OptionReader(Object.create({ name: 'inherited' }))
    expect([reader.has('name'), reader.has('toString'), reader.has('__proto__')]).toEqual([false, false, false])
    expect(problemsOf(JSON.parse('{"__proto__":1}'), () => {})).toHaveLength(1)
  })

  it.each([undefined, null, 'text', 7, [], () => {}])('wants an object and not %p', (options) => {
    expect(problemsOf(options, () => {})).toHaveLength(1)
  })
})

describe('the nearest name', () => {
  const names = ['issuer', 'jwksUri', 'lifetime', 'clockTolerance', 'maxAge', 'maxLifetime']

  it.each([
    ['isuer', 'issuer'],
    ['issuers', 'issuer'],
    ['jwks_uri', 'jwksUri'],
    ['JWKSURI', 'jwksUri'],
    ['lifeTime', 'lifetime'],
    ['clock-tolerance', 'clockTolerance'],
    ['clocktolerence', 'clockTolerance'],
    ['maxage', 'maxAge'],
  ])('to %s is %s', (name, nearest) => expect(closestName(name, names)).toBe(nearest))

  it.each(['', 'x', 'audience', 'certificates', '__proto__'])('to %j is none', (name) => {
    expect(closestName(name, names)).toBeUndefined()
  })

  it('to a name with one letter changed, lost or gained is that name', () => {
    const letter = fc.constantFrom(...'abcxyz')
    fc.assert(
      fc.property(
        fc.constantFrom('clockTolerance', 'certificates', 'identityProviders'),
        fc.nat(11),
        letter,
        fc.constantFrom(0, 1, 2),
        (name, at, by, kind) => {
          const typed = name.slice(0, at) + (kind === 1 ? '' : by) + name.slice(kind === 2 ? at : at + 1)
          expect(closestName(typed, ['clockTolerance', 'certificates', 'identityProviders'])).toBe(name)
        },
      ),
    )
  })
})

describe('a path', () => {
  it('is written as in code', () => {
    expect(formatPath(['identityProviders', 0, 'jwksUri'])).toBe('identityProviders[0].jwksUri')
    expect(formatPath([])).toBe('')
  })
})

describe('a URL', () => {
  it.each([
    'https://idp.example.com/keys',
    'https://idp.example.com:8443/keys?tenant=a',
    'HTTPS://IDP.EXAMPLE.COM',
    'http://localhost:3000/keys',
    'http://127.0.0.1:3000/keys',
    'http://127.1.2.3/keys',
    'http://[::1]:3000/keys',
  ])('is secure: %s', (url) => expect(isSecureUrl(url)).toBe(true))

  it.each([
    '',
    'keys',
    '//idp.example.com/keys',
    'http://idp.example.com/keys',
    'http://localhost.example.com/keys',
    'http://127.0.0.1.example.com/keys',
    'http://127.0.0.1@example.com/keys',
    'http://0.0.0.0/keys',
    'http://10.0.0.1/keys',
    'http://169.254.169.254/keys',
    'ftp://idp.example.com/keys',
    'file:///etc/keys',
    'data:application/json,{}',
    'https://user:pass@idp.example.com/keys',
    'https://user@idp.example.com/keys',
    'https://idp.example.com/keys#fragment',
    'https://idp.example.com/keys#',
    ' https://idp.example.com/keys',
    'https://idp.example.com/keys\n',
    'https://idp.exa\tmple.com/keys',
    'https:idp.example.com/keys',
    'https:\\\\idp.example.com\\keys',
    'https:///idp.example.com/keys',
    'https://idp.example.com/{tenantid}/keys',
    'https://idp.example.com/<tenant>/keys',
  ])('is not secure: %j', (url) => expect(isSecureUrl(url)).toBe(false))

  it('is on loopback by its host alone', () => {
    expect(isLoopback(new URL('http://127.1/'))).toBe(true)
    expect(isLoopback(new URL('http://2130706433/'))).toBe(true)
    expect(isLoopback(new URL('http://[::ffff:127.0.0.1]/'))).toBe(false)
    expect(isLoopback(new URL('http://128.0.0.1/'))).toBe(false)
  })
})

describe('a value with the characters that mark names of options in messages', () => {
  it.each(['\uFDD3a=zz\uFDD4', '\uFDD3issuer\uFDD4', '\uFDD3#x\uFDD4', '\uFDD3'])('is shown escaped: %j', (text) => {
    const reader = new OptionReader({ lifetime: text, [`k${text}`]: 1 })
    reader.optionalInteger('lifetime', { min: 1, max: 9, unit: 'seconds' })
    reader.refuseUnknown()
    let message = ''
    try {
      reader.throwProblems()
    } catch (error) {
      message = String(error)
    }
    expect(message).toContain(
      `lifetime: got "${text.replace(/[\uFDD0-\uFDEF]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16)}`)}"`,
    )
    expect(message).toContain('ConfigError: 2 problems')
  })
})
