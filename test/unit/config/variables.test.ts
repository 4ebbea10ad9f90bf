import { createHash } from 'node:crypto'
import { afterAll, describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { loadConfig } from '../../../src/config/index.js'
import { readExchangeOptions } from '../../../src/exchange/options.js'
import { isConfigError } from '../../../src/option-checks/config-error.js'
import { plainText, plainValue, toLiteral } from '../../../src/option-checks/describe-value.js'
import { compileGlob } from '../../../src/policy/glob.js'
import { createDeploymentFile } from '../../support/deployment-file.js'

const FRAME = `issuer = "https://api.example.com"
[access_token]
audience = "https://api.example.com"
[[client]]
client_id = "app"
client_secret = "\${APP_SECRET}"
[[identity_provider]]
name = "https://idp.example.com"
jwks_uri = "https://idp.example.com/keys"
`
const APP_SECRET = 'a{secret}*of$the-tests'
const file = createDeploymentFile()
afterAll(() => file.remove())

function load(more: string, env: Record<string, string> = {}, replayStores = {}) {
  file.write(FRAME + more)
  return loadConfig(file.path, { env: { APP_SECRET, ...env }, replayStores })
}

function problemsOf(more: string, env: Record<string, string> = {}): string[] {
  try {
    load(more, env)
    return []
  } catch (error) {
    if (!isConfigError(error)) throw error
    return error.problems.map(({ path, message }) => `${path.at(-1)}: ${message}`)
  }
}

function policyOf(more: string, env: Record<string, string>) {
  const [provider] = readExchangeOptions(load(more, env)).identityProviders
  if (provider === undefined) throw new Error('there is one')
  return provider
}

describe('what comes from a variable', () => {
  it('is no pattern for a subject, alone and within one', () => {
    const { policy } = policyOf('allowed_subjects = ["repo:acme/${BRANCH}", "team:${BRANCH}:*"]', { BRANCH: '*' })
    const accepted = ['repo:acme/*', 'repo:acme/x', 'team:*:a', 'team:x:a', 'team:*'].map((sub) => [
      sub,
      policy.acceptsSubject?.(sub),
    ])
    expect(accepted).toEqual([
      ['repo:acme/*', true],
      ['repo:acme/x', false],
      ['team:*:a', true],
      ['team:x:a', false],
      ['team:*', false],
    ])
  })

  it.each([
    ['a text', 'required_claims = { ref = "${REF}" }'],
    ['a list', 'required_claims = { ref = ["${REF}"] }'],
    ['one_of', 'required_claims = { ref = { one_of = ["${REF}"] } }'],
    ['equals', 'required_claims = { ref = { equals = "${REF}" } }'],
  ])('is no pattern for a claim: %s', (_, claims) => {
    const [condition] = policyOf(claims, { REF: 'refs/*' }).policy.requiredClaims
    expect([condition?.holds({ ref: 'refs/heads' }), condition?.holds({ ref: 'refs/*' })]).toEqual([false, true])
    expect(condition?.expected).toContain('"refs/*"')
  })

  it('is no pattern for an element of a claim', () => {
    const [condition] = policyOf('required_claims = { groups = { includes = ["${G}", "b-*"] } }', { G: '*' }).policy
      .requiredClaims
    const holds = [['a'], ['*'], ['b-1']].map((groups) => condition?.holds({ groups }))
    expect(holds).toEqual([false, true, true])
  })

  it('is no place of a claim in a template', () => {
    const { subject } = policyOf('allowed_subjects = "any"\nsubject = "ci|${ORG}|${claims.sub}"', {
      ORG: '${claims.email}',
    })
    const claims = { sub: 'alice', email: 'a@b' }
    expect('builtIn' in subject && subject.builtIn({ identityProvider: 'i', sub: 'alice', claims })).toBe(
      'ci|${claims.email}|alice',
    )
  })

  it('is no place of a claim together with what stands around it', () => {
    expect(problemsOf('allowed_subjects = "any"\nsubject = "$${ORG}"', { ORG: '{claims.email}' })).toHaveLength(1)
    expect(problemsOf('allowed_subjects = "any"\nsubject = "${ORG}{claims.email}"', { ORG: '$' })).toHaveLength(1)
  })

  it('is itself wherever there are no patterns', () => {
    const settings = readExchangeOptions(
      load('allowed_subjects = "any"\naudiences = ["${X}"]\nheaders = { X-Api-Key = "${X}" }', { X: 'a*{b}' }),
    )
    const digest = createHash('sha256').update(APP_SECRET).digest()
    expect(settings.clients[0]?.credential).toEqual({ kind: 'secret', digest })
    expect(settings.identityProviders[0]).toMatchObject({
      audiences: new Set(['https://api.example.com/token', 'a*{b}']),
    })
    expect(settings.identityProviders[0]?.keys).toMatchObject({ connection: { headers: { 'X-Api-Key': 'a*{b}' } } })
  })

  it('is itself in the URL of a replay store', () => {
    const urls: string[] = []
    const redis = (url: string) => {
      urls.push(url)
      return { claim: () => true }
    }
    load(
      'allowed_subjects = "any"\n[replay]\nstore = "redis"\nurl = "redis://:${PW}@localhost"',
      { PW: '*{x}' },
      { redis },
    )
    expect(urls).toEqual(['redis://:*{x}@localhost'])
  })

  it('is not shown otherwise in a problem', () => {
    expect(problemsOf('allowed_subjects = "any"\nscopes = ["${S}"]', { S: 'a* {b}' })).toEqual([
      '0: got "a* {b}"; expected a scope token (RFC 6749 §3.3)',
    ])
  })

  it('is compared exactly, whatever it is', () => {
    const text = fc.string({ unit: fc.constantFrom('a', '*', '{', '$', '}', '/') })
    fc.assert(
      fc.property(text, text, (value, other) => {
        const marked = toLiteral(value)
        expect([marked.length, plainText(marked)]).toEqual([value.length, value])
        expect(compileGlob(marked)(other)).toBe(value === other)
        expect(compileGlob(`${marked}*`)(other)).toBe(other.startsWith(value))
        expect(marked).not.toMatch(/[*{$]/)
        expect(plainValue({ a: [marked, 7, null], b: { c: marked } })).toEqual({ a: [value, 7, null], b: { c: value } })
      }),
    )
  })
})

describe('a variable', () => {
  it('that is set but empty is a problem, and so is one that is not set', () => {
    const wanted = 'set it, or write ${A:-text} with a default'
    const more = 'allowed_subjects = "any"\nalias = "x${A}"'
    expect(problemsOf(more, { A: '' })).toEqual([`alias: the environment variable A is empty; ${wanted}`])
    expect(problemsOf(more)).toEqual([`alias: the environment variable A is not set; ${wanted}`])
  })

  it.each(['toString', 'constructor', '__proto__'])('named %s, as every object has it, is not set', (name) => {
    const wanted = `set it, or write \${${name}:-text} with a default`
    const found = `alias: the environment variable ${name} is not set; ${wanted}`
    expect(problemsOf(`allowed_subjects = "any"\nalias = "x\${${name}}"`)).toEqual([found])
  })

  it('may be empty or not set where the file says what counts then', () => {
    const aliasOf = (alias: string, env: Record<string, string> = {}) =>
      load(`allowed_subjects = "any"\nalias = "${alias}"`, env).identityProviders?.[0]?.alias
    expect(aliasOf('x${A:-}')).toBe('x')
    expect(aliasOf('x${A:-}', { A: '' })).toBe('x')
    expect(aliasOf('x${A:-y z}', { A: '' })).toBe('xy z')
    expect(aliasOf('x${A:-y}', { A: 'w' })).toBe('xw')
    expect(problemsOf('allowed_subjects = "any"\nalias = "${A:-}"')).toHaveLength(1)
  })

  it.each(['${a-b}', '${A', '${A-x}', '${A:=x}', '${A:-${B}}', '${}', '${1}', '${ A }'])(
    'is not written %s',
    (text) => {
      expect(problemsOf(`allowed_subjects = "any"\nalias = "x${text}"`, { B: 'b' })[0]).toMatch(
        /^alias: "\$\{" does not begin a variable; write \$\{NAME\}, or \$\{NAME:-text\}/,
      )
    },
  )
})
