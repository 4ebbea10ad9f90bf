import { isDeepStrictEqual } from 'node:util'
import { type FileFormat, readRegistration, writeRegistration } from '../../../src/file-store/registration-text.js'
import { type FuzzTarget, hold, thrownBy } from '../fuzz-target.js'

const ORIGIN = { path: '/nowhere/acme.toml', env: { TOKEN: 'a-secret-of-the-environment' } }
const FORMATS: readonly FileFormat[] = ['json', 'toml']
/** What is said of a file that is no registration. */
const REASON = /^(?:id: expected|name: expected|a registration m|expected (?:one JSON object|text in UTF-8))/
const JSON_FILE = `{
  "id": "acme", "name": "https://login.acme.example", "displayName": "Acme", "enabled": false,
  "headers": { "Authorization": "Bearer \${TOKEN}" }, "requiredClaims": { "a.b": ["x", null, 1e3, true] },
  "bindings": [{ "name": "a", "when": {}, "scopes": [] }]
}`
const TOML_FILE = `# Acme
id = "acme"
name = "https://login.acme.example" # their issuer
allowed_subjects = [ "a-*", # all
]
enabled = true
display_name = """
Acme"""
[headers]
Authorization = "Bearer \${TOKEN}"
[[binding]]
name = "a"
when = { "a.b" = 'x' }
scopes = ["a"]
`

/** Any text as a file of the file store. */
export function registrationTarget(): FuzzTarget {
  return {
    name: 'files of registrations',
    seeds: [JSON_FILE, TOML_FILE, '{"id":"a","name":"b"}', "id = 'a'\nname = 'b'\n"],
    words: [
      ...['{', '}', '[', ']', '[[', ']]', '"', '"""', "'''", '#', '\n', '\r\n', ' = ', ': ', ',', '\\u0000', '\\'],
      ...[
        '${',
        '${TOKEN}',
        '${A:-b}',
        '__proto__',
        'constructor',
        'updatedAt',
        'updated_at',
        'revision',
        'null',
        'nan',
      ],
      ...['1979-05-27', '1e999', '-0', '0x1F', 'jwks', 'certificates', 'bearer_token_file', 'enabled', 'description'],
    ],
    check: (input) => {
      for (const format of FORMATS) checkReading(input, format)
    },
  }
}

function checkReading(input: Buffer, format: FileFormat): void {
  const outcome = thrownBy(() => readRegistration(input, format, ORIGIN), 'ConfigError', 'TypeError', 'Error')
  if ('error' in outcome) {
    const { name, message } = outcome.error
    hold(name === 'ConfigError' || REASON.test(message), `the reason is one of ours: ${message}`)
    hold(!message.includes('a-secret-of-the-environment'), 'no secret is repeated')
    return
  }
  for (const written of FORMATS) {
    const before = written === format ? input : undefined
    const content = thrownBy(() => writeRegistration(outcome.result, written, before, ORIGIN), 'TypeError')
    if ('error' in content || content.result === undefined) continue
    const again = readRegistration(Buffer.from(content.result), written, ORIGIN)
    hold(isDeepStrictEqual(JSON.parse(again), JSON.parse(outcome.result)), 'what is written is read as it was')
  }
}
