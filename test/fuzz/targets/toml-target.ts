import { parse } from 'smol-toml'
import { checkFile } from '../../../src/config/load-config.js'
import { TomlLocations } from '../../../src/config/toml-location.js'
import { readExchangeOptions } from '../../../src/exchange/options.js'
import { type FuzzTarget, hold, thrownBy } from '../fuzz-target.js'

const PATH = '/nowhere/deployment.toml'
const DEPLOYMENT = `issuer = "https://api.example.com/oauth2" # who we are
require_https = true

[oauth.jwks_endpoint]
read_timeout = 3_000

[access_token]
audience = ["https://api.example.com", 'https://other.example.com']
lifetime = 300

[[identity_provider]]
name = "https://idp.example.com"
alias = """
https://api.example.com"""
jwks_uri = "https://idp.example.com/jwks"
allowed_subjects = ["repo:acme/*"]
[identity_provider.required_claims]
"kubernetes.io".namespace = 'shop'
repository = { oneOf = ["a", "b"] }
[[identity_provider.binding]]
name = "main"
when = { ref = "refs/heads/main" }
scopes = ["openid"]

[[client]]
client_id = "app"
client_secret = "\${APP_SECRET}"
scopes = [ "openid", # a comment
  "orders:read" ]
`

/** Any text as a configuration file. */
export function tomlTarget(): FuzzTarget {
  return {
    name: 'loadConfig',
    seeds: [
      DEPLOYMENT,
      DEPLOYMENT.replaceAll('\n', '\r\n'),
      'a = 1',
      "[a]\n\"b\" = '''x'''\n",
      'x = [\n[1],\n{a.b = "]"},\n]\n',
    ],
    words: [
      '[',
      ']',
      '[[',
      ']]',
      '"""',
      "'''",
      '""""',
      '#',
      '\n',
      '\r\n',
      ' = ',
      '${',
      '${APP_SECRET}',
      '\\',
      '\\\n',
      '1979-05-27',
      'inf',
      'nan',
      '0x1F',
      'identity_provider',
      'client',
      'claims',
      '.',
      '"a.b"',
      '__proto__',
      'constructor',
    ],
    check: (input) => {
      const source = input.toString('utf8')
      checkLocations(source)
      const env = { APP_SECRET: 'a-secret-of-the-environment' }
      const outcome = thrownBy(() => checkFile(source, PATH, { env }), 'ConfigError')
      if ('error' in outcome) {
        hold(
          !outcome.error.message.includes('a-secret-of-the-environment') || source.includes('secret-of'),
          'no secret is repeated',
        )
        hold(!/\p{Cc}/u.test(outcome.error.message.replaceAll('\n', '')), 'the message has no control characters')
        return
      }
      hold(
        'result' in thrownBy(() => readExchangeOptions(outcome.result.options), 'ConfigError'),
        'what is read from a file can be used',
      )
    },
  }
}

/** Of any valid TOML, each place is found. */
function checkLocations(source: string): void {
  const valid = parseValid(source)
  if (valid === undefined) return
  const locations = new TomlLocations(source)
  const lines = source.split('\n').length
  for (const key of Object.keys(valid)) {
    const { line, column } = locations.find([key])
    hold(line >= 1 && line <= lines && column >= 1, 'a place is within the file')
  }
}

function parseValid(source: string): object | undefined {
  try {
    return parse(source)
  } catch {
    return undefined
  }
}
