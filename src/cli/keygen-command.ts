import { inOneLine } from '../errors/printable.js'
import { closestName } from '../option-checks/unknown-option.js'
import { generateSigningKey, SIGNING_ALGORITHMS, type SigningAlgorithm } from '../signing-keys/signing-keys.js'
import { type Command, Misuse } from './command.js'
import { writeNewFile } from './write-new-file.js'

const READABLE_BY_OWNER_ONLY = 0o600
/** What may be repeated in an error. No token looks like this. */
const IS_SHORT = /^[\w-]{1,12}$/

/** Writes a new signing key to a file, as a JWK set. The key itself is never printed. */
export const keygenCommand: Command = async ({ path, algorithm = 'ES256' }, { stdout }) => {
  const key = generateSigningKey(readAlgorithm(algorithm))
  writeNewFile(path, `${JSON.stringify({ keys: [key] }, null, 2)}\n`, READABLE_BY_OWNER_ONLY)
  stdout.write(`Wrote ${inOneLine(path)}: a private ${key.alg} key that only you can read
kid: ${key.kid}

Add this line to deployment.toml, below [access_token]. The path is relative to that file:
signing_keys = ${inOneLine(JSON.stringify(path))}

Or in code, add this line to accessToken. The path is relative to the working directory:
signingKeys: JSON.parse(readFileSync(${inOneLine(JSON.stringify(path))}, 'utf8')),
`)
  return 'ok'
}

function readAlgorithm(text: string): SigningAlgorithm {
  const algorithm = SIGNING_ALGORITHMS.find((each) => each === text)
  if (algorithm !== undefined) return algorithm
  const meant = closestName(text, SIGNING_ALGORITHMS)
  const advice = meant === undefined ? `expected one of ${SIGNING_ALGORITHMS.join(', ')}` : `did you mean ${meant}?`
  throw new Misuse(`--alg: unknown algorithm${IS_SHORT.test(text) ? ` ${text}` : ''}; ${advice}`)
}
