import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterAll, describe, expect, it } from '@jest/globals'
import { readBearerToken } from '../../../src/guarded-fetch/bearer-token-file.js'
import { isSameConnection, readJwksConnection } from '../../../src/guarded-fetch/connection-options.js'
import { isConfigError } from '../../../src/option-checks/config-error.js'
import { OptionReader } from '../../../src/option-checks/option-reader.js'

const SECRET = 's3cret'
const ENDPOINT = 'https://idp.example.com/keys'
const directory = mkdtempSync(join(tmpdir(), 'bearer-token-'))
afterAll(() => rmSync(directory, { recursive: true }))

function fileOf(content: string | Buffer): string {
  const path = join(directory, 'token')
  writeFileSync(path, content)
  return path
}

function read(options: object, jwksUri = ENDPOINT) {
  const reader = new OptionReader({ jwksUri, ...options })
  const connection = readJwksConnection(reader, jwksUri)
  reader.throwProblems()
  return connection
}

/** The problems, one a line. */
function linesOf(options: object, jwksUri?: string): string[] {
  try {
    read(options, jwksUri)
    return []
  } catch (error) {
    if (!isConfigError(error)) throw error
    return error.message.split('\n').slice(1)
  }
}

describe('the file of a bearer token', () => {
  const EMPTY = { failure: 'bearer_token_file_failed', detail: 'it is empty', code: undefined }
  const NO_TOKEN = { ...EMPTY, detail: 'it has something else than one token of visible ASCII characters' }

  it.each<[string, string | Buffer, object]>([
    ['empty', '', EMPTY],
    ['white space', ' \r\n\t\n', EMPTY],
    ['several lines', `${SECRET}\n${SECRET}`, NO_TOKEN],
    ['a header', `Bearer ${SECRET}`, NO_TOKEN],
    ['another header in a second line', `${SECRET}\r\nx-a: b`, NO_TOKEN],
    ['NUL', `${SECRET}\0`, NO_TOKEN],
    ['beyond ASCII', `${SECRET}é`, NO_TOKEN],
    ['binary', Buffer.from([0xff, 0xfe, 0x41]), NO_TOKEN],
    ['too large', 'x'.repeat(16_385), { ...EMPTY, detail: 'it has more than 16384 bytes' }],
    ['much too large', Buffer.alloc(5_000_000, 'x'), { ...EMPTY, detail: 'it has more than 16384 bytes' }],
  ])('is a failure that does not repeat it, if it is %s', async (_, content, failure) => {
    const error = await readBearerToken(fileOf(content)).catch((thrown: unknown) => thrown)
    expect(error).toMatchObject(failure)
    expect(JSON.stringify([error, String(error)])).not.toContain(SECRET)
  })

  it('is a failure if it is not there, is a directory, or leads nowhere', async () => {
    const broken = join(directory, 'broken')
    symlinkSync(join(directory, 'nothing'), broken)
    mkdirSync(join(directory, 'folder'))
    const failure = 'bearer_token_file_failed'
    await expect(readBearerToken(join(directory, 'missing'))).rejects.toMatchObject({ failure, code: 'ENOENT' })
    await expect(readBearerToken(broken)).rejects.toMatchObject({ failure, code: 'ENOENT' })
    await expect(readBearerToken(join(directory, 'folder'))).rejects.toMatchObject({ failure })
    await expect(readBearerToken(join(broken, 'token'))).rejects.toMatchObject({ failure })
  })

  it('does not wait for a pipe or a device', async () => {
    const pipe = join(directory, 'pipe')
    execFileSync('mkfifo', [pipe])
    for (const path of [pipe, '/dev/zero']) {
      await expect(readBearerToken(path)).rejects.toMatchObject({ detail: 'it is not a regular file' })
    }
  })

  it.each([
    [`${SECRET}\n`, SECRET],
    [`  ${SECRET}\r\n\r\n`, SECRET],
    ['eyJh.eyJi.c2ln_-', 'eyJh.eyJi.c2ln_-'],
    ['x'.repeat(16_384), 'x'.repeat(16_384)],
  ])('has the token, without white space around it: %#', async (content, token) => {
    expect(await readBearerToken(fileOf(content))).toBe(token)
  })
})

describe('the option bearerTokenFile', () => {
  it.each([null, '', 7, true, {}, ['token'], () => 'token'])('is not %p', (bearerTokenFile) => {
    expect(linesOf({ bearerTokenFile })).toEqual([expect.stringMatching(/^ {2}bearerTokenFile: got /)])
  })

  it.each([`Bearer ${SECRET}`, `eyJhbGciOi.${SECRET}`, `${SECRET}\0`, `/etc/app/eyJhbGciOi.${SECRET}`])(
    'is not the token itself, which is not repeated: %j',
    (bearerTokenFile) => {
      expect(linesOf({ bearerTokenFile })).toEqual([
        '  bearerTokenFile: got something else; expected the name of a file that has the token',
      ])
    },
  )

  it.each(['Authorization', 'authorization', 'AUTHORIZATION'])('is not set alongside the header %s', (name) => {
    expect(linesOf({ bearerTokenFile: 'token', headers: { 'x-a': '1', [name]: SECRET } })).toEqual([
      '  bearerTokenFile: `headers` has the header Authorization as well; remove one of them',
    ])
  })

  it('needs TLS, unless the endpoint is on this machine', () => {
    const options = { bearerTokenFile: 'token', allowInsecureHttp: true }
    expect(linesOf(options, 'http://keycloak:8080/keys')).toEqual([
      '  bearerTokenFile: a token must not be sent without TLS (RFC 6750 §5.3); use an https URL',
    ])
    expect(linesOf(options, 'http://127.0.0.1:8080/keys')).toEqual([])
  })

  it('may be any other name, and other headers may be set', () => {
    const { bearerTokenFile } = read({ bearerTokenFile: 'a token/of mine', headers: { 'x-a': '1' } })
    expect(bearerTokenFile).toBe(resolve('a token/of mine'))
    expect(linesOf({ bearerTokenFile: '/run/token', headers: () => ({}) })).toEqual([])
  })

  it('makes another connection', () => {
    const [none, one, other] = [read({}), read({ bearerTokenFile: 'a' }), read({ bearerTokenFile: 'b' })]
    expect([isSameConnection(none, one), isSameConnection(one, other)]).toEqual([false, false])
    expect(isSameConnection(one, read({ bearerTokenFile: 'a' }))).toBe(true)
  })
})

describe('the value of a header', () => {
  it.each([`${SECRET}\n`, `${SECRET}\r\n`, `${SECRET} \t\n\n`])('ends before its line breaks: %j', (value) => {
    expect(read({ headers: { authorization: value, 'x-a': '' } }).headers).toEqual({ authorization: SECRET, 'x-a': '' })
  })

  it.each([`${SECRET}\nx`, `\n${SECRET}`, `${SECRET}\u2028`, `${SECRET}\v`])('has no line break in it: %j', (value) => {
    expect(linesOf({ headers: { authorization: value } })).toHaveLength(1)
  })
})
