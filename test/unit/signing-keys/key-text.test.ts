import { createPrivateKey, generateKeyPairSync } from 'node:crypto'
import { afterAll, describe, expect, it } from '@jest/globals'
import { loadConfig } from '../../../src/config/index.js'
import { readSigningKey } from '../../../src/signing-keys/signing-keys.js'
import { createDeploymentFile } from '../../support/deployment-file.js'

const { privateKey } = generateKeyPairSync('ec', {
  namedCurve: 'P-256',
  publicKeyEncoding: { type: 'spki', format: 'pem' },
  privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
})
const key = createPrivateKey(privateKey)
const encrypted = String(key.export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'x' }))
const json = JSON.stringify(key.export({ format: 'jwk' }))
const base64 = (text: string) => Buffer.from(text).toString('base64')

const SLIPS: [string, string, RegExp][] = [
  [
    'with literal \\n',
    privateKey.replaceAll('\n', '\\n'),
    /\\n written as two characters; replace them with line breaks/,
  ],
  ['encrypted', encrypted, /the key is encrypted; decrypt it first/],
  ['in one line', privateKey.trim().replaceAll('\n', ' '), /the PEM is in one line; keep its line breaks/],
  ['in one line without spaces', privateKey.replaceAll('\n', ''), /the PEM is in one line/],
  ['as base64 of PEM', base64(privateKey), /base64 of PEM; decode it first/],
  ['as base64 of JSON', base64(json), /base64 of JSON; decode it, and parse it/],
  [
    'as base64 without PEM lines',
    privateKey.split('\n').slice(1, -2).join(''),
    /base64 of a key without its PEM lines/,
  ],
  [
    'in the format of OpenSSH',
    '-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----',
    /OpenSSH/,
  ],
]
const file = createDeploymentFile()
afterAll(() => file.remove())

describe('a signing key', () => {
  it.each([...SLIPS, ['as JSON text', json, /the text is JSON; parse it with JSON.parse/] as const])(
    '%s is refused with the mistake, and its text is not repeated',
    (_, source, message) => {
      expect(() => readSigningKey(source, undefined)).toThrow(message)
      expect(() => readSigningKey(source, undefined)).not.toThrow(source.slice(30, 60))
    },
  )

  it.each(SLIPS)('%s in a variable of a file is refused with the mistake', (_, source, message) => {
    file.write(`issuer = "https://api.example.com"
[access_token]
audience = "https://api.example.com"
signing_keys = "\${KEY}"
[[client]]
client_id = "app"
client_secret = "a secret of the tests"
[[identity_provider]]
name = "https://idp.example.com"
jwks_uri = "https://idp.example.com/keys"
allowed_subjects = "any"
`)
    expect(() => loadConfig(file.path, { env: { KEY: source } })).toThrow(message)
  })

  it.each([
    ['keys.json', "JSON.parse(readFileSync('keys.json', 'utf8'))"],
    ['my-secret', "JSON.parse(readFileSync('keys.json', 'utf8'))"],
    ['/run/secrets/key.pem', "readFileSync('key.pem', 'utf8')"],
  ])('that is other text, such as %s, is refused with how to read a file', (text, code) => {
    expect(() => readSigningKey(text, undefined)).toThrow(
      `this is neither PEM nor JSON; in code, read the file first: ${code}`,
    )
  })

  it('in PEM and as JSON in a file are still read', () => {
    expect(readSigningKey(privateKey, undefined).algorithm).toBe('ES256')
    expect(readSigningKey(privateKey.replaceAll('\n', '\r\n'), undefined).algorithm).toBe('ES256')
  })
})
