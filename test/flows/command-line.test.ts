import { execFile, spawn } from 'node:child_process'
import { X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import { chmodSync, existsSync, mkdtempSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals'
import express from 'express'
import request from 'supertest'
import { readAccessTokenOptions } from '../../src/access-token/access-token-options.js'
import { COMMANDS } from '../../src/cli/commands.js'
import { runCommandLine } from '../../src/cli/run-command-line.js'
import { loadConfig } from '../../src/config/index.js'
import { createJwtExchange, generateSigningKey } from '../../src/index.js'
import { OptionReader } from '../../src/option-checks/option-reader.js'
import { FakeIdentityProvider } from '../../src/testing/index.js'
import { EC_CERTIFICATE, EXPIRED_CERTIFICATE } from '../support/certificates.js'
import { clientSecretOf, createDeploymentFile, type DeploymentFile, deploymentOf } from '../support/deployment-file.js'
import { TOKEN_ENDPOINT } from '../support/exchange-host.js'

const SECRET = 'the secret of a client'
/** A whole token, in any output. */
const TOKEN = /eyJ[\w-]+\.[\w-]+\.[\w-]+/
const COLOUR = '\u001B['
/** What clears a terminal, in two ways, and turns a line around; and what is a line break to some. */
const HOSTILE = '\u001B[2J\u009B2J\u202E\u2028'
/** The commands that there are, in an error. */
const EXPECTED = 'expected demo, init, keygen, check, explain or idp'
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u

let idp: FakeIdentityProvider
let file: DeploymentFile
let path: string

beforeAll(async () => {
  idp = await FakeIdentityProvider.start({ algorithm: 'ES256', alias: TOKEN_ENDPOINT })
  file = createDeploymentFile()
  path = file.path
})
beforeEach(async () => {
  await idp.fault('off')
  writeConfig()
})
afterAll(async () => {
  file.remove()
  await idp.close()
})

function writeConfig({
  provider = '',
  more = '',
  keys = `jwks_uri = "${idp.jwksUri}"`,
  name = idp.name,
  allowedSubjects = '"any"',
} = {}): void {
  const frame = deploymentOf().replace(clientSecretOf('app'), '${SECRET}')
  file.write(`${frame}[[identity_provider]]
name = "${name}"
${keys}
allowed_subjects = ${allowedSubjects}
${provider}
${more}`)
}

/** The command in a process of its own. */
async function run(args: readonly string[], input = '') {
  const env = { ...process.env, SECRET, NODE_OPTIONS: '' }
  const child = spawn(process.execPath, ['dist/cli/main.js', ...args], { env })
  let [stdout, stderr] = ['', '']
  child.stdout.on('data', (chunk) => {
    stdout += chunk
  })
  child.stderr.on('data', (chunk) => {
    stderr += chunk
  })
  child.stdin.on('error', () => {}) // It need not read all of it.
  child.stdin.end(input)
  const status = await new Promise((resolve) => child.once('close', resolve))
  expect(`${stdout}${stderr}`).not.toContain(SECRET)
  return { status, stdout, stderr }
}

/** The command in this process. */
async function runHere(args: readonly string[], input = '', env: Readonly<Record<string, string>> = {}, isTTY = false) {
  let [stdout, stderr] = ['', '']
  const streams = {
    stdin: Object.assign([Buffer.from(input)].values(), { isTTY }) as never,
    stdout: { write: (text: string) => (stdout += text), isTTY },
    stderr: { write: (text: string) => (stderr += text) },
    env: { SECRET, NO_COLOR: '1', ...env },
  }
  const status = await runCommandLine(args, streams)
  expect(`${stdout}${stderr}`).not.toContain(SECRET)
  return { status, stdout, stderr }
}
const explain = (assertion: string, ...more: string[]) =>
  runHere(['explain', '--config', path, '--client', 'app', ...more], assertion)
const check = (...more: string[]) => runHere(['check', '--config', path, ...more])
const explainHere = (assertion: string, ...more: string[]) =>
  runHere(['explain', path, '--client', 'app', ...more], assertion)
const checkHere = (...more: string[]) => runHere(['check', path, ...more])

/** The command in this process, whose output is, or is no, terminal. */
async function runOn(isTTY: boolean, env: Record<string, string> = {}) {
  let stdout = ''
  const input = Object.assign([Buffer.from(await idp.issueAssertion())].values(), { isTTY: false })
  const streams = {
    stdin: input as never,
    stdout: { write: (text: string) => (stdout += text), isTTY },
    stderr: { write: () => {} },
    env: { SECRET, ...env },
  }
  await runCommandLine(['explain', '--config', path], streams)
  return stdout
}

describe('explain', () => {
  it('tells of a good assertion on standard input every step and the access token', async () => {
    const assertion = `${await idp.issueAssertion({ sub: 'alice' })}\n`
    const { status, stdout } = await run(['explain', '--config', path, '--client', 'app'], assertion)
    expect(status).toBe(0)
    expect(stdout).toContain('✓ signature: kid ')
    expect(stdout).toContain(
      'accepted, unless it was used before\n\nThe access token:\n  subject: "alice"\n  scopes: ["openid"]',
    )
    expect(stdout).not.toMatch(TOKEN)
    expect(stdout).not.toContain(COLOUR)
  })

  it('tells of a refused one what was expected, what was found and what it usually means, and exits with 1', async () => {
    const { status, stdout } = await explain(await idp.issueAssertion({ aud: `${TOKEN_ENDPOINT}/` }))
    expect(status).toBe(1)
    expect(stdout).toContain(`✗ aud: wrong_audience
    expected: ${TOKEN_ENDPOINT}
    found:    "${TOKEN_ENDPOINT}/"
    hint:     it differs from ${TOKEN_ENDPOINT} by a slash at the end: they are compared exactly
`)
    expect(stdout).toMatch(/^refused: wrong_audience\n\n/)
  })

  it('says so if it cannot check everything without a client', async () => {
    const { status, stdout } = await runHere(['explain', '--config', path], await idp.issueAssertion())
    expect(status).toBe(0)
    expect(stdout).toContain('accepted, as far as can be checked without --client, unless it was used before')
  })

  it('reads an assertion from a file', async () => {
    const assertion = file.writeBeside('assertion.jwt', await idp.issueAssertion())
    expect((await explain('', assertion)).status).toBe(0)
  })

  it('gives JSON', async () => {
    const { status, stdout } = await explain(await idp.issueAssertion({ exp: 1 }), '--json', '--scope', 'openid')
    expect(status).toBe(1)
    expect(JSON.parse(stdout)).toMatchObject({ isAccepted: false, reason: 'expired', steps: expect.any(Array) })
  })

  it('gives the problems of a file in JSON, too', async () => {
    writeConfig({ provider: 'clamis = { a = 1 }' })
    const { status, stdout, stderr } = await explain('', '--json')
    expect([status, stderr]).toEqual([1, ''])
    expect(JSON.parse(stdout)).toMatchObject({ isAccepted: false, problems: [{ location: `${path}:12:1` }] })
  })

  it.each([[[]], [['--json']]])('shows no control or format character of a claim: %j', async (more) => {
    writeConfig({ provider: 'claims_to_token = { team = "team" }' })
    const { status, stdout } = await explain(await idp.issueAssertion({ team: `a${HOSTILE}z` }), ...more)
    expect(status).toBe(0)
    expect(stdout).toContain('a\\u001b[2J\\u009b2J\\u202e\\u2028z')
    expect(stdout.replaceAll('\n', '')).not.toMatch(UNPRINTABLE)
  })

  const LINE_BREAK = 'the input ends with a line break, which was removed here; the token endpoint would refuse it'

  it.each(['\n', '\r\n'])('leaves out one line break at the end of the input, %j, and says so', async (end) => {
    const assertion = await idp.issueAssertion()
    const { status, stdout } = await explainHere(`${assertion}${end}`)
    expect(status).toBe(0)
    expect(stdout).toContain(`\n! ${LINE_BREAK}\n`)
    const json = await explainHere(`${assertion}${end}`, '--json')
    expect(JSON.parse(json.stdout)).toMatchObject({ isAccepted: true, notes: [LINE_BREAK] })
    const fileOfIt = file.writeBeside('assertion.jwt', `${assertion}${end}`)
    expect((await explainHere('', fileOfIt)).stdout).toContain(LINE_BREAK)
  })

  it('says nothing of a line break if something else is wrong', async () => {
    const assertion = await idp.issueAssertion({ exp: 1 })
    const { status, stdout } = await explainHere(`${assertion}\n`)
    expect([status, stdout]).toEqual([1, expect.not.stringContaining(LINE_BREAK)])
    expect(JSON.parse((await explainHere(`${assertion}\n`, '--json')).stdout)).toMatchObject({ notes: [] })
  })

  it('names a file that cannot be read, unless its name may be a token', async () => {
    const message = 'the file cannot be read (ENOENT); an assertion is read from a file or standard input'
    expect((await explainHere('', 'missing.jwt')).stderr).toContain(`missing.jwt: ${message}`)
    const opaque = await explainHere('', 'ya29.a0AfH6SMBxyz0123456789abcdefghijklmnop')
    expect([opaque.status, opaque.stderr.startsWith(message)]).toEqual([2, true])
  })

  it('says nothing of the line break of the Enter key, or where there is none', async () => {
    const assertion = await idp.issueAssertion()
    const typed = await runHere(['explain', path, '--client', 'app'], `${assertion}\n`, {}, true)
    expect([typed.status, typed.stdout.includes(LINE_BREAK)]).toEqual([0, false])
    expect((await explainHere(assertion)).stdout).not.toContain(LINE_BREAK)
    expect(JSON.parse((await explainHere(assertion, '--json')).stdout)).toMatchObject({ notes: [] })
  })

  it.each<[string, (assertion: string) => string, string]>([
    ['two line breaks', (jwt) => `${jwt}\n\n`, 'it ends with a line break: remove that'],
    ['a space', (jwt) => `${jwt} `, 'it has white space around it: remove that'],
    ['a space before', (jwt) => ` ${jwt}`, 'it has white space around it: remove that'],
    ['a byte order mark', (jwt) => `\uFEFF${jwt}`, 'it has white space around it: remove that'],
  ])('refuses, as the token endpoint does, an assertion with %s', async (_, alter, hint) => {
    const { status, stdout } = await explainHere(alter(await idp.issueAssertion()))
    expect(status).toBe(1)
    expect(stdout).toContain('✗ shape: malformed_jwt')
    expect(stdout).toContain(`hint:     ${hint}`)
  })

  it('ends with a total of its steps', async () => {
    const good = await explainHere(await idp.issueAssertion())
    expect(good.stdout).toMatch(/\n\d+ steps: \d+ passed, 0 failed, 1 skipped\n$/)
    const bad = await explainHere(await idp.issueAssertion({ aud: 'x', exp: 1 }))
    expect(bad.stdout).toMatch(/^refused: wrong_audience\n\n.*\n\n\d+ steps: \d+ passed, 2 failed, 1 skipped\n$/s)
  })

  it('reads the deployment file and the assertion from two arguments, or one with --config', async () => {
    const assertion = file.writeBeside('assertion.jwt', await idp.issueAssertion())
    expect((await runHere(['explain', path, assertion])).status).toBe(0)
    expect((await runHere(['explain', assertion, '--config', path])).status).toBe(0)
    expect((await runHere(['explain', '--client', 'app', path], await idp.issueAssertion())).status).toBe(0)
    expect((await runHere(['explain', path, assertion, 'x'])).stderr).toMatch(/^too many arguments\n/)
    expect((await runHere(['explain', '--config', path, assertion, 'x'])).status).toBe(2)
  })

  it('says when the key set cannot be had', async () => {
    await idp.fault('down')
    const { status, stdout } = await explain(await idp.issueAssertion())
    expect(status).toBe(1)
    expect(stdout).toContain('✗ signature: jwks_unavailable')
  })

  it('is in colour on a terminal only, and not where NO_COLOR is set', async () => {
    const outputs = [await runOn(true), await runOn(false), await runOn(true, { NO_COLOR: '1' })]
    expect(outputs.map((output) => output.includes(COLOUR))).toEqual([true, false, false])
  })

  it.each(['', '\n', 'null', '\u0000', '..'])('of %j, which is no assertion, exits with 1', async (input) => {
    const { status, stdout, stderr } = await explain(input)
    expect([status, stderr]).toEqual([1, ''])
    expect(stdout).toContain('✗ shape: malformed_jwt')
  })

  it('reads no more than two megabytes', async () => {
    const { status, stderr } = await explain('x'.repeat(3_000_000))
    expect(status).toBe(2)
    expect(stderr).toContain('the input is longer than 2097152 bytes')
  })
})

describe('check', () => {
  it('tells the keys of each identity provider, their algorithms and age', async () => {
    const { status, stdout } = await run(['check', '--config', path])
    expect(status).toBe(0)
    expect(stdout).toContain(`✓ ${path} is well formed`)
    expect(stdout).toContain(`${idp.name}\n    alias: ${TOKEN_ENDPOINT}\n  ✓ keys: ${idp.signingKey.kid} (ES256), `)
    expect(stdout).toContain('! no signing keys')
  })

  it.each([[[]], [['--json']]])('shows no control or format character of a key set or a file: %j', async (more) => {
    idp.publish([
      { ...idp.signingKey.publicJwk, kid: `k${HOSTILE}` },
      { kty: 'oct', k: 'c2VjcmV0', kid: HOSTILE },
    ])
    const good = await check(...more)
    writeConfig({ provider: `"x${JSON.stringify(HOSTILE).slice(1, -1)}" = 1` })
    const bad = await check(...more)
    idp.publish([idp.signingKey.publicJwk])
    expect([good.status, bad.status]).toEqual([0, 1])
    const output = [good, bad].map(({ stdout, stderr }) => `${stdout}${stderr}`).join('')
    expect(output).toMatch(/k\\{1,2}u001b\[2J\\{1,2}u009b2J\\{1,2}u202e/)
    expect(output).toContain('x\\u001b[2J')
    expect(output.replaceAll('\n', '')).not.toMatch(UNPRINTABLE)
  })

  it('notes what obtains nothing, so that something else was probably meant', async () => {
    writeConfig({
      provider: `scopes = ["openid"]
groups_to_scopes = { "orders-*" = ["openid"] }
[[identity_provider.binding]]
name = "a"
scopes = ["opneid", "openid"]`,
      more: '[[client]]\nclient_id = "b"\nclient_secret = "a secret of client b"\nidentity_providers = []\ngrant_types = []',
    })
    const { status, stdout } = await check()
    expect(status).toBe(0)
    const notes = stdout.split('\n').filter((line) => line.startsWith('!'))
    expect(notes).toEqual([
      '! client b: identity_providers is empty, so this client may exchange nothing',
      '! client b: grant_types is empty, so this client may exchange nothing',
      `! ${idp.name}: binding a: scope opneid is not in the scopes of the identity provider`,
      `! ${idp.name}: binding a: scope opneid is not in the scopes of any client`,
      `! ${idp.name}: group orders-* is compared exactly: * is not a pattern in it`,
      '! no signing keys: access tokens become invalid when the process ends; make a key with keygen',
    ])
  })

  it('notes a client whose subject its identity provider does not accept', async () => {
    const assertedBy = `{ identity_provider = "${idp.name}", subject = "other" }`
    const more = `[[client]]\nclient_id = "pod"\nasserted_by = ${assertedBy}`
    const noted = `! client pod: allowed_subjects of ${idp.name} do not accept "other", so this client can never authenticate`
    for (const [allowedSubjects, isNoted] of [
      ['["shop:*"]', true],
      ['["shop:*", "o*"]', false],
      ['"any"', false],
    ] as const) {
      writeConfig({ allowedSubjects, more })
      expect((await check()).stdout.split('\n').includes(noted)).toBe(isNoted)
    }
  })

  it('notes a token endpoint whose path the router does not serve', async () => {
    const noted = 'token_endpoint ends in /oauth2/exchange, but the router serves /token: a proxy must rewrite the path'
    expect((await checkHere()).stdout).not.toContain('token_endpoint')
    writeConfig()
    file.write(`token_endpoint = "https://api.example.com/oauth2/exchange"\n${readFileSync(path, 'utf8')}`)
    const { status, stdout } = await checkHere()
    expect([status, stdout]).toEqual([0, expect.stringContaining(`\n! ${noted}\n`)])
  })

  it('notes patterns for a list of scopes that accept more than one word', async () => {
    writeConfig({
      provider: `required_claims = { scp = "*Orders.Read*", "ext.scope" = ["openid*", "*x"], scopes = { includes = ["*w*", "orders:*"] }, sub = "*a*" }
[[identity_provider.binding]]
name = "a"
scopes = ["openid"]
when = { scope = { one_of = ["*", "*a*"] }, scp = { has_word = "Orders.*" } }`,
    })
    const { status, stdout } = await check()
    expect(status).toBe(0)
    const note = (about: string, pattern: string, word: string) =>
      `! ${idp.name}: ${about}: ${pattern} accepts more than the scope ${word}, such as ${word}x; use { has_word = "${word}" }, or includes without * if the claim is an array`
    expect(stdout.split('\n').filter((line) => line.includes(': claim '))).toEqual([
      note('claim scp', '*Orders.Read*', 'Orders.Read'),
      note('claim ext.scope', 'openid*', 'openid'),
      note('claim ext.scope', '*x', 'x'),
      note('claim scopes', '*w*', 'w'),
      note('binding a: claim scope', '*a*', 'a'),
      `! ${idp.name}: binding a: claim scp: has_word Orders.* is compared exactly: * is not a pattern in it`,
    ])
  })

  it('exits with 1 where a key set cannot be had', async () => {
    await idp.fault('garbage')
    const { status, stdout } = await check()
    expect([status, stdout]).toEqual([1, expect.stringContaining('✗ no usable keys: not_json')])
  })

  it('exits with 1 where a certificate has expired, and tells until when others last', async () => {
    file.writeBeside('idp.pem', EXPIRED_CERTIFICATE)
    writeConfig({ keys: 'certificates = ["idp.pem", "other.pem"]' })
    file.writeBeside('other.pem', EC_CERTIFICATE)
    expect(await check()).toMatchObject({
      status: 1,
      stdout: expect.stringMatching(/✗ certificate CN=.*: until .*, expired/),
    })
    file.writeBeside('idp.pem', EC_CERTIFICATE)
    expect(await check()).toMatchObject({
      status: 0,
      stdout: expect.stringMatching(/✓ certificate CN=.*: until .*, \d+ days/),
    })
  })

  it('leaves out what is disabled', async () => {
    await idp.fault('down')
    writeConfig({ provider: 'enabled = false' })
    expect(await check()).toMatchObject({ status: 0, stdout: expect.stringContaining('- disabled: not checked') })
  })

  it('tells of keys that are skipped', async () => {
    idp.publish([idp.signingKey.publicJwk, { kty: 'oct', k: 'c2VjcmV0', kid: 'hmac' }])
    const { status, stdout } = await check()
    idp.publish([idp.signingKey.publicJwk])
    expect([status, stdout]).toEqual([0, expect.stringContaining('the key hmac is skipped: private_or_symmetric')])
  })

  it('says which option uses a key that is skipped, and takes the option', async () => {
    const x5c = [new X509Certificate(EC_CERTIFICATE).raw.toString('base64')]
    const svid = { ...idp.signingKey.publicJwk, kid: 'svid', use: 'jwt-svid' }
    idp.publish([idp.signingKey.publicJwk, { kid: 'certified', x5c }, svid])
    const strict = await check()
    writeConfig({ provider: 'x5c_only_keys = true\nkey_uses = ["jwt-svid"]' })
    const generous = await check()
    idp.publish([idp.signingKey.publicJwk])
    expect([strict.status, generous.status]).toEqual([0, 0])
    expect(strict.stdout.split('\n').filter((line) => line.startsWith('!'))).toEqual([
      '! no signing keys: access tokens become invalid when the process ends; make a key with keygen',
      `! ${idp.name}: the key certified is skipped: x5c_only; to use the key of its certificate, set x5c_only_keys = true for this identity provider`,
      `! ${idp.name}: the key svid is skipped: jwt_svid; to use keys of SPIFFE, set key_uses = ["jwt-svid"] for this identity provider`,
    ])
    expect(generous.stdout).toContain('certified (ES256); svid (ES256)')
    expect(generous.stdout).not.toContain('skipped')
  })

  it('notes a key whose x5c cannot be read, and a key set that is cut', async () => {
    const others = Array.from({ length: 11 }, (_, index) => ({ ...idp.signingKey.publicJwk, kid: `k${index}` }))
    idp.publish([{ ...idp.signingKey.publicJwk, x5c: [] }, ...others])
    writeConfig({ more: '[oauth.jwks_endpoint]\nmax_keys = 10' })
    const { status, stdout } = await check()
    const json = await check('--json')
    writeConfig({ more: '[oauth.jwks_endpoint]\nmax_keys = 12' })
    const whole = await check()
    idp.publish([idp.signingKey.publicJwk])
    expect(status).toBe(0)
    expect(stdout).toContain(
      '\n  ! the key set has 12 keys, and only the first 10 are used: raise max_keys (maxKeys)\n',
    )
    const note = `the key ${idp.signingKey.kid} has an x5c that cannot be read; the key is used without it`
    expect(stdout).toContain(`\n  ! ${note}\n`)
    expect(JSON.parse(json.stdout).identityProviders[0]).toMatchObject({
      cut: { keys: 12, maxKeys: 10 },
      findings: [{ mark: 'good' }, { mark: 'warning' }, { mark: 'warning', text: note }],
    })
    expect(whole.stdout).not.toContain('the key set has')
  })

  it('tells every problem of a file with line and column, and exits with 1', async () => {
    writeConfig({ provider: 'clamis = { a = 1 }' })
    const { status, stderr } = await check()
    expect(status).toBe(1)
    expect(stderr).toContain(`${path}:12:1: identity_provider[0].clamis: unknown option`)
    const { stdout } = await check('--json')
    expect(JSON.parse(stdout)).toMatchObject({ isInOrder: false, problems: [{ location: `${path}:12:1` }] })
  })

  it('gives JSON', async () => {
    const { stdout } = await check('--json')
    expect(JSON.parse(stdout)).toMatchObject({
      isInOrder: true,
      identityProviders: [{ name: idp.name, state: 'ok', findings: [{ mark: 'good' }] }],
    })
  })

  it('ends with a total of its problems and notes', async () => {
    expect((await checkHere()).stdout).toMatch(/\n\nno problems, 1 note\n$/)
    await idp.fault('garbage')
    const { status, stdout } = await checkHere()
    expect([status, stdout]).toEqual([1, expect.stringMatching(/\n\n1 problem, 1 note\n$/)])
    writeConfig({ provider: 'clamis = { a = 1 }\nsubject_ = "x"' })
    const bad = await checkHere()
    expect([bad.status, bad.stderr]).toEqual([1, expect.stringMatching(/\n2 problems\n$/)])
  })

  it.each<[string, () => void | Promise<void>, RegExp]>([
    [
      'a redirect',
      () => idp.fault('redirect'),
      /✗ no usable keys: redirected 302: http:\S+\/jwks; it leads to http:\S+\/jwks\/elsewhere; if that is right, set it/,
    ],
    [
      'an endpoint that is down',
      () => idp.fault('down'),
      /✗ no usable keys: connection_failed ECONNREFUSED: http:\S+\/jwks; nothing listens there: correct host and port/,
    ],
    [
      'keys that are all skipped',
      () => idp.publish([{ ...idp.signingKey.publicJwk, kid: 'enc', use: 'enc' }]),
      /✗ no usable keys: no_usable_key: http:\S+\/jwks; every key is skipped: enc: not_for_signatures; the key set has no usable key/,
    ],
    [
      'metadata of another issuer',
      () =>
        writeConfig({
          keys: `discovery = "${new URL(idp.jwksUri).origin}/.well-known/openid-configuration"`,
          name: 'https://else.example.com',
        }),
      /✗ no usable keys: metadata_of_another_issuer: http:\S+; its issuer is http:\S+; make name the same/,
    ],
  ])('says of %s where it is, what was found, and what to change', async (_, before, line) => {
    await before()
    const { status, stdout } = await checkHere()
    idp.publish([idp.signingKey.publicJwk])
    expect([status, stdout]).toEqual([1, expect.stringMatching(line)])
  })

  it('notes allow_insecure_http only if keys are fetched without TLS from another machine', async () => {
    const noted = `\n! ${idp.name}: allow_insecure_http is in use: anyone who can change its answers in transit can sign as this provider\n`
    writeConfig({ provider: 'allow_insecure_http = true' })
    expect((await checkHere()).stdout).not.toContain('allow_insecure_http')
    const mapped = idp.jwksUri.replace('127.0.0.1', '[::ffff:127.0.0.1]')
    writeConfig({ provider: 'allow_insecure_http = true', keys: `jwks_uri = "${mapped}"` })
    expect((await checkHere()).stdout).toContain(noted)
  })

  it('opens no replay store, whatever its name', async () => {
    writeConfig({ more: '[replay]\nstore = "of-the-application"\nurl = "redis://127.0.0.1:1"' })
    expect((await check()).status).toBe(0)
  })

  it.each([
    ['missing.toml', 'the file does not exist; check the path'],
    ['missing/deployment.toml', 'the file does not exist; check the path'],
    ['deployment.toml/x', 'the file does not exist; check the path'],
    ['.', 'this is a directory; give the path of a TOML file'],
  ])('says of %j, which is not a readable file, what to do, and exits with 1', async (name, message) => {
    const target = join(file.directory, name)
    const { status, stderr } = await runHere(['check', '--config', target])
    expect([status, stderr]).toEqual([1, expect.stringContaining(`\n  ${target}: ${message}\n`)])
  })
})

describe('demo', () => {
  it('performs the main job step by step, and ends', async () => {
    const { status, stdout, stderr } = await run(['demo'])
    expect([status, stderr]).toEqual([0, ''])
    expect(stdout.match(/✓ got +\d+/g)).toEqual([200, 200, 200, 200, 400, 400].map((code) => `✓ got    ${code}`))
    expect(stdout).not.toContain('✗')
    expect(stdout).not.toMatch(TOKEN)
    expect(stdout).toMatch(/\nNext:\n.*demo --keep\n.*init\n$/)
  })

  it('keeps running with --keep, for requests that work as they are printed, until Ctrl-C', async () => {
    const env = { ...process.env, NODE_OPTIONS: '' }
    const child = spawn(process.execPath, ['dist/cli/main.js', 'demo', '--keep'], { env })
    let output = ''
    for await (const chunk of child.stdout) {
      output += chunk
      if (output.includes('Stop with Ctrl-C.\n')) break
    }
    const commands = output.match(/curl -i .*/g) ?? []
    expect(commands).toHaveLength(2)
    for (const command of commands) {
      const { stdout } = await promisify(execFile)('bash', ['-c', command])
      expect(stdout).toMatch(/^HTTP\/1.1 200 OK.*"access_token":"ey/s)
    }
    const ended = once(child, 'close')
    child.kill('SIGINT')
    expect(await ended).toEqual([0, null])
  })
})

/** A name for a file that does not exist yet, in a directory of its own. */
function newPath(name: string): string {
  return join(mkdtempSync(join(file.directory, 'new-')), name)
}

describe('init', () => {
  /** Of the variables in the file; the key set is that of the fake identity provider. */
  const values = () => ({
    ISSUER: 'https://api.example.com/oauth2',
    AUDIENCE: 'https://api.example.com',
    IDP_ISSUER: idp.name,
    IDP_JWKS_URI: idp.jwksUri,
    ALLOWED_SUBJECT: 'alice',
    APP_SECRET: 'the secret of the app in the tests',
  })

  it('writes a file that check accepts as soon as its variables are set', async () => {
    const target = newPath('deployment.toml')
    const { status, stdout } = await run(['init', target])
    expect([status, stdout]).toEqual([0, expect.stringContaining(`Wrote ${target}\n`)])
    expect(stdout).toContain(`   ${Object.keys(values()).join(', ')}\n`)
    expect(stdout).toContain(`npx express-jwt-exchange check ${target}\n`)

    const unset = await runHere(['check', target])
    const missing = [...unset.stderr.matchAll(/the environment variable (\w+) is not set/g)].map(([, name]) => name)
    expect([unset.status, missing]).toEqual([1, Object.keys(values())])
    const checked = await runHere(['check', target], '', { ...values() })
    expect(checked).toMatchObject({ status: 0, stderr: '', stdout: expect.stringMatching(/\nno problems, 1 note\n$/) })
  })

  it('writes a file in which a pattern in a variable is literal, as check and explain say', async () => {
    const target = newPath('deployment.toml')
    await runHere(['init', target])
    const env = { ...values(), ALLOWED_SUBJECT: 'al*' }
    const checked = await runHere(['check', target], '', env)
    expect([checked.status, checked.stdout]).toEqual([
      0,
      expect.stringContaining(
        '\n! identity_provider[0].allowed_subjects[0]: the * comes from ${ALLOWED_SUBJECT} and is literal; write the pattern in the file\n',
      ),
    ])
    const assertion = await idp.issueAssertion({ sub: 'alice', aud: `${values().ISSUER}/token` })
    const { status, stdout } = await runHere(['explain', target, '--client', 'app'], assertion, env)
    expect([status, stdout]).toEqual([
      1,
      expect.stringContaining(
        'hint:     the * in al* comes from an environment variable and is literal; write the pattern in the file\n',
      ),
    ])
    expect(readFileSync(target, 'utf8')).toContain('a * in the value of a variable is an ordinary character')
  })

  it('notes no literal star where a star is never a pattern', async () => {
    writeConfig({ provider: 'audiences = ["${STAR}"]\nrequired_claims = { scp = { has_word = "${STAR}" } }' })
    const { stdout } = await runHere(['check', path], '', { SECRET, STAR: 'a*' })
    expect(stdout).not.toContain('is literal')
  })

  it.each([
    ['tenant = "${STAR}"', { tenant: 'acme' }],
    ['tenant = ["x", "${STAR}"]', { tenant: 'acme' }],
    ['tenant = { includes = "${STAR}" }', { tenant: ['acme'] }],
  ])('says of a claim that a star is literal: %s', async (condition, claims) => {
    writeConfig({ provider: `required_claims = { ${condition} }` })
    const env = { SECRET, STAR: 'ac*' }
    expect((await runHere(['check', path], '', env)).stdout).toContain('the * comes from ${STAR} and is literal')
    const { stdout } = await runHere(['explain', path, '--client', 'app'], await idp.issueAssertion(claims), env)
    expect(stdout).toContain('the * in ac* comes from an environment variable and is literal')
  })

  it('writes a file that only its owner can read, because it may get a secret', async () => {
    const target = newPath('deployment.toml')
    await runHere(['init', target])
    expect(statSync(target).mode & 0o777).toBe(0o600)
  })

  it('writes a file that accepts the allowed subject and no other one', async () => {
    const target = newPath('deployment.toml')
    await runHere(['init', target])
    const explainAs = async (sub: string) => {
      const alias = `${values().ISSUER}/token`
      const assertion = await idp.issueAssertion({ sub, aud: alias })
      return (await runHere(['explain', target, '--client', 'app'], assertion, values())).status
    }
    expect([await explainAs('alice'), await explainAs('mallory')]).toEqual([0, 1])
  })

  it('names options and a key file that exist, also where it has commented them out', async () => {
    const target = newPath('deployment.toml')
    await runHere(['init', target])
    await runHere(['keygen', join(dirname(target), 'keys.json')])
    const uncommented = readFileSync(target, 'utf8').replace(/^# (?=\[|\w+ = )/gm, '')
    expect(uncommented).toMatch(/^signing_keys = .*\nlifetime = /m)
    writeFileSync(target, uncommented)
    const env = { ...values(), REDIS_URL: 'redis://127.0.0.1:1' }
    expect(await runHere(['check', target], '', env)).toMatchObject({
      status: 0,
      stderr: '',
      stdout: expect.stringMatching(/\nno problems, no notes\n$/),
    })
  })

  it('never overwrites a file', async () => {
    const target = newPath('deployment.toml')
    writeFileSync(target, 'mine')
    expect(await runHere(['init', target])).toEqual({
      status: 1,
      stdout: '',
      stderr: `${target}: the file already exists; choose another name, or remove it first\n`,
    })
    expect(readFileSync(target, 'utf8')).toBe('mine')
  })

  it('prints the same file with --stdout, and writes none', async () => {
    const target = newPath('deployment.toml')
    const { status, stdout } = await runHere(['init', target, '--stdout'])
    expect([status, existsSync(target)]).toEqual([0, false])
    await runHere(['init', target])
    expect(readFileSync(target, 'utf8')).toBe(stdout)
  })
})

describe('keygen', () => {
  it('writes a key that only its owner can read, and prints kid and option, never the key', async () => {
    const target = newPath('keys.json')
    const { status, stdout, stderr } = await run(['keygen', target])
    const [{ kid, alg, d }] = JSON.parse(readFileSync(target, 'utf8')).keys
    expect([status, stderr, alg]).toEqual([0, '', 'ES256'])
    expect(statSync(target).mode & 0o777).toBe(0o600)
    expect(stdout).toContain(`\nkid: ${kid}\n`)
    expect(stdout).toContain(`\nsigning_keys = ${JSON.stringify(target)}\n`)
    expect(d).toMatch(/^[\w-]{40,}$/)
    expect(stdout).not.toContain(d)
  })

  it('prints the line for code, which reads the key', async () => {
    const target = newPath('keys.json')
    const { stdout } = await runHere(['keygen', target])
    const [line = ''] = /^signingKeys: .*$/m.exec(stdout) ?? []
    expect(line).toBe(`signingKeys: JSON.parse(readFileSync(${JSON.stringify(target)}, 'utf8')),`)
    const accessToken = new Function('readFileSync', `return { audience: 'a', ${line} }`)(readFileSync)
    expect(readAccessTokenOptions(new OptionReader(accessToken)).signingKeys?.active.algorithm).toBe('ES256')
  })

  it.each(['ES256', 'RS256', 'PS256', 'EdDSA'])('writes a %s key that signs access tokens', async (algorithm) => {
    const target = newPath('keys.json')
    const { stdout } = await runHere(['keygen', target, '--alg', algorithm])
    const [line = ''] = /^signing_keys = .*$/m.exec(stdout) ?? []
    writeConfig()
    file.write(readFileSync(path, 'utf8').replace('[access_token]', `[access_token]\n${line}`))
    const exchange = createJwtExchange(loadConfig(path, { env: { SECRET } }))
    const host = express().use('/oauth2', exchange.router)
    const { keys } = (await request(host).get('/oauth2/jwks')).body
    exchange.close()
    expect(keys).toMatchObject([{ alg: algorithm, use: 'sig', kid: /^kid: (.*)$/m.exec(stdout)?.[1] }])
    expect((await checkHere()).stdout).toMatch(/\nno problems, no notes\n$/)
  })

  it('makes another key each time, and never overwrites one', async () => {
    const [one, other] = [newPath('keys.json'), newPath('keys.json')]
    await runHere(['keygen', one])
    await runHere(['keygen', other])
    const key = readFileSync(one, 'utf8')
    expect(readFileSync(other, 'utf8')).not.toBe(key)
    const { status, stderr } = await runHere(['keygen', one])
    expect([status, stderr]).toEqual([1, expect.stringContaining('keys.json: the file already exists; ')])
    expect(readFileSync(one, 'utf8')).toBe(key)
  })
})

describe('a file that cannot be written', () => {
  it.each<[string, (directory: string) => string, string]>([
    ['in a missing directory', (directory) => join(directory, 'missing/x'), '/missing does not exist; create it first'],
    ['that is a directory', (directory) => directory, ': this is a directory; give the name of a file in it'],
    [
      'with a slash at its end',
      (directory) => `${directory}/x/`,
      ': this is a directory; give the name of a file in it',
    ],
    ['within a file', (directory) => join(directory, 'deployment.toml/x'), 'toml is not a directory; choose another'],
    ['with a name that is too long', (directory) => join(directory, 'x'.repeat(300)), ': the name is too long; '],
  ])('is reported: a path %s', async (_, pathIn, message) => {
    for (const command of ['init', 'keygen']) {
      const { status, stdout, stderr } = await runHere([command, pathIn(file.directory)])
      expect([status, stdout, stderr]).toEqual([1, '', expect.stringContaining(message)])
      expect(stderr).not.toContain('Usage:')
    }
  })

  it('is reported: a dangling link, which is not followed', async () => {
    const target = newPath('keys.json')
    symlinkSync(join(file.directory, 'elsewhere.json'), target)
    expect((await runHere(['keygen', target])).status).toBe(1)
    expect(existsSync(join(file.directory, 'elsewhere.json'))).toBe(false)
  })

  const isRoot = process.getuid?.() === 0
  const itUnlessRoot = isRoot || process.platform === 'win32' ? it.skip : it
  itUnlessRoot('is reported: a directory without permission', async () => {
    const target = newPath('keys.json')
    chmodSync(dirname(target), 0o500)
    const { status, stderr } = await runHere(['keygen', target])
    expect([status, stderr]).toEqual([1, expect.stringContaining('keys.json: permission denied; ')])
  })
})

describe('a reader that goes away', () => {
  it.each([['check'], ['explain']])('ends %s without a word', async (command) => {
    const child = spawn(process.execPath, ['dist/cli/main.js', command, '--config', path], {
      env: { ...process.env, SECRET, NODE_OPTIONS: '' },
    })
    child.stdout.destroy()
    child.stdin.end(await idp.issueAssertion())
    let stderr = ''
    child.stderr.on('data', (chunk) => {
      stderr += chunk
    })
    const [status] = await once(child, 'close')
    expect([status, stderr]).toEqual([0, ''])
  })
})

describe('the command itself', () => {
  it('prints its version', async () => {
    const { version } = JSON.parse(readFileSync('package.json', 'utf8'))
    expect(await runHere(['--version'])).toEqual({ status: 0, stdout: `express-jwt-exchange ${version}\n`, stderr: '' })
    expect((await runHere(['check', '--version'])).status).toBe(0)
  })

  it.each([[['--help']], [['-h']]])('lists with %j all commands and options', async (args) => {
    const { status, stdout } = await runHere(args)
    expect(status).toBe(0)
    const all = ['check deployment.toml', 'explain deployment.toml', '[FILE]', '--config FILE', '--client ID']
    for (const text of [...all, '--scope SCOPE', '--json', '--version', '-h, --help']) expect(stdout).toContain(text)
    for (const name of Object.keys(COMMANDS)) expect(stdout).toContain(`\n  express-jwt-exchange ${name}`)
  })

  it.each(Object.entries(COMMANDS))(
    'prints with %s --help the help of that command only',
    async (name, { options }) => {
      const { status, stdout, stderr } = await runHere([name, '--help'])
      expect([status, stderr]).toEqual([0, ''])
      expect(stdout.match(/express-jwt-exchange (\w+)/g)).toEqual([`express-jwt-exchange ${name}`])
      expect(stdout.match(/^ {2}--\w[\w-]*/gm)).toEqual([...options, 'version'].map((option) => `  --${option}`))
    },
  )

  it.each<[string[], string]>([
    [['chek', 'x'], 'unknown command chek: did you mean check?'],
    [['explane'], 'unknown command explane: did you mean explain?'],
    [['verify'], `unknown command verify: ${EXPECTED}`],
    [['constructor'], `unknown command constructor: ${EXPECTED}`],
    [[], `missing command: ${EXPECTED}`],
    [['deployment.toml'], `missing command: ${EXPECTED}`],
    [['eyJhbGciOiJFUzI1NiIs'], `missing command: ${EXPECTED}`],
    [['check'], 'missing file: check deployment.toml'],
    [['explain'], 'missing file: explain deployment.toml'],
    [['check', 'x', 'y'], 'too many arguments'],
    [['check', 'x', '--config', 'y'], 'too many arguments'],
    [['check', 'x', '--confg', 'y'], 'unknown option --confg: did you mean --config?'],
    [['check', 'x', '--verbose'], 'unknown option --verbose'],
    [['check', 'x', '-v'], 'unknown option -v'],
    [['check', '--config'], '--config needs a value'],
    [['check', 'x', '--json=yes'], '--json takes no value'],
    [['check', 'x', '--client', 'app'], '--client is for explain'],
    [['explain', 'x', '--scope='], '--scope needs a value'],
    [['explain', 'x', '--client', '--json'], '--client needs a value'],
    [['explain', 'x', '--client', 'a', '--client', 'b'], '--client is given twice'],
    [['check', 'x', '--json', '--json'], '--json is given twice'],
    [['check', 'x', '--config', 'a', '--config=b'], '--config is given twice'],
    [['check', 'x', '--no-json'], 'unknown option --no-json: did you mean --json?'],
    [['check', ''], 'a file name is empty'],
    [['demo', 'x'], 'too many arguments'],
    [['demo', '--keep=yes'], '--keep takes no value'],
    [['check', 'x', '--keep'], '--keep is for demo'],
    [['init', 'x', '--json'], '--json is for check, explain and idp'],
    [['init', 'x', 'y'], 'too many arguments'],
    [['init', 'x', '--force'], 'unknown option --force'],
    [['keygen', 'x', 'y'], 'too many arguments'],
    [['keygen', '--stdout'], '--stdout is for init'],
    [['keygen', '--alg'], '--alg needs a value'],
    [['keygen', '--alg', 'es256'], '--alg: unknown algorithm es256; did you mean ES256?'],
    [['keygen', '--alg', 'none'], '--alg: unknown algorithm none; expected one of ES256, RS256, PS256, EdDSA'],
    [['keygen', '--alg', 'HMAC with SHA-256'], '--alg: unknown algorithm; expected one of ES256, RS256, PS256, EdDSA'],
  ])('says of %j: %s', async (args, message) => {
    const { status, stdout, stderr } = await runHere(args)
    expect([status, stdout]).toEqual([2, ''])
    expect(stderr.split('\n')[0]).toBe(message)
    expect(stderr).toContain('Usage:')
  })
})

describe('a command that cannot be run as it is written', () => {
  it.each<[string, string[]]>([
    ['no command', []],
    ['another command', ['verify']],
    ['no file', ['check']],
    ['an option without its value', ['check', '--config']],
    ['an unknown option', ['check', '--config', 'x', '--verbose']],
    ['an option of explain', ['check', '--config', 'x', '--client', 'app']],
    ['an empty client', ['explain', '--config', 'x', '--client', '']],
    ['two files', ['explain', '--config', 'x', 'a', 'b']],
  ])('exits with 2 and says how to write it: %s', async (_, args) => {
    const { status, stdout, stderr } = await runHere(args)
    expect([status, stdout]).toEqual([2, ''])
    expect(stderr).toContain('Usage:')
  })

  it.each<[string, (token: string) => string[]]>([
    ['the command', (token) => [token]],
    ['the file that comes first', (token) => ['check', token]],
    ['the file', (token) => ['explain', '--config', path, token]],
    ['an argument too many', (token) => ['check', '--config', path, token]],
    ['an unknown option', (token) => ['explain', '--config', path, `--assertion=${token}`]],
    ['an unknown option and its value', (token) => ['explain', '--config', path, '--assertion', token]],
    ['a short option', (token) => ['explain', `-${token}`]],
    ['the value of a flag', (token) => ['explain', '--config', path, `--json=${token}`]],
    ['the client, with its scheme', (token) => ['explain', '--config', path, '--client', `Bearer ${token}`]],
    ['the client, encrypted', (token) => ['explain', '--config', path, '--client', `${token}.${token.slice(0, 30)}.a`]],
    ['the configuration, with its parameter', (token) => ['check', '--config', `assertion=${token}`]],
    ['the client', (token) => ['explain', '--config', path, '--client', token]],
    ['the scope', (token) => ['explain', '--config', path, '--scope', token]],
    ['the file to write', (token) => ['init', token]],
    ['the key file to write', (token) => ['keygen', token]],
    ['the algorithm', (token) => ['keygen', '--alg', token]],
  ])('repeats no assertion that stands in place of %s', async (_, args) => {
    const { status, stdout, stderr } = await runHere(args(await idp.issueAssertion()))
    expect(status).toBe(2)
    expect(`${stdout}${stderr}`).not.toMatch(/eyJ/)
  })

  it('repeats none in place of the configuration either', async () => {
    const { status, stdout, stderr } = await runHere(['check', '--config', await idp.issueAssertion()])
    expect([status, stdout]).toEqual([2, ''])
    expect(stderr).not.toMatch(TOKEN)
  })
})

describe('the notes of check', () => {
  it('name clients whose id or secret is other text when it is form-encoded', async () => {
    const clients = [
      ['plus', 'a+secret+of+the+tests'],
      ['percent', 'a%secret%of%the%tests'],
      ['a:b', 'a plain secret of the tests'],
      ['p+q', 'a plain secret of the tests'],
      ['plain', 'a plain secret of the tests'],
    ].map(([id, secret]) => `[[client]]\nclient_id = "${id}"\nclient_secret = "${secret}"\nscopes = ["openid"]`)
    writeConfig({ more: clients.join('\n') })
    const { status, stdout } = await runHere(['check', '--config', path])
    expect(status).toBe(0)
    const advice = 'with Basic it is accepted form-encoded and as it is; other servers and clients may know only one'
    expect(stdout).toContain(`! client plus: the secret has + or %: ${advice}`)
    expect(stdout).toContain(`! client percent: the secret has + or %: ${advice}`)
    expect(stdout).toContain(`! client p+q: the id has + or %: ${advice}`)
    expect(stdout).toContain('! client a:b: with Basic, an id that has a colon must be form-encoded')
    expect(stdout).not.toContain('client plain')
    expect(stdout).not.toContain('of+the+tests')
  })

  it('name a file with a private key that every user can read, and no other one', async () => {
    const keys = file.writeBeside('signing-keys.json', JSON.stringify({ keys: [generateSigningKey()] }))
    const note = '! access_token.signing_keys: every user of this machine can read the file with the private key'
    const frame = deploymentOf().replace('[access_token]\n', '[access_token]\nsigning_keys = "signing-keys.json"\n')
    file.write(
      `${frame}[[identity_provider]]\nname = "${idp.name}"\njwks_uri = "${idp.jwksUri}"\nallowed_subjects = "any"\n`,
    )
    for (const [mode, isNoted] of [
      [0o644, true],
      [0o640, false],
      [0o600, false],
    ] as const) {
      chmodSync(keys, mode)
      const { stdout } = await runHere(['check', '--config', path])
      expect([mode, stdout.includes(note)]).toEqual([mode, isNoted])
    }
  })

  it('name options that stand in a table of conditions', async () => {
    writeConfig({
      more: '[identity_provider.required_claims]\nenabled = false\nrequire_https = true\nemail = "a"\n[[identity_provider.binding]]\nname = "g"\nscopes = ["openid"]\n[identity_provider.binding.when]\nlifetime = 300\nref = "main"',
    })
    const { stdout } = await runHere(['check', '--config', path])
    const noted = [...stdout.matchAll(/! (\S+): this is a condition on a claim of that name; if you mean the option/g)]
    expect(noted.map(([, place]) => place)).toEqual([
      'identity_provider[0].required_claims.enabled',
      'identity_provider[0].required_claims.require_https',
      'identity_provider[0].binding[0].when.lifetime',
    ])
  })
})
