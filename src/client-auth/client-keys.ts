import { hash } from 'node:crypto'
import { isHostAllowed } from '../guarded-fetch/network-guard.js'
import type { JwksEndpointSettings } from '../jwks/jwks-endpoint-options.js'
import { isJsonObject, ownMember } from '../jwt/parse-json-object.js'
import { option } from '../option-checks/config-error.js'
import type { OptionReader } from '../option-checks/option-reader.js'
import { isSecureUrl } from '../option-checks/urls.js'
import { readFixedKeySet } from '../verification-keys/configured-keys.js'
import type { KeySet } from '../verification-keys/key-set.js'

/** Where the public keys of a client are: in its options, or at an endpoint. */
export type ClientKeys = { from: 'jwks'; keySet: KeySet } | { from: 'jwksUri'; jwksUri: string }

/** What is needed to read the keys of a client. */
export interface ClientKeyContext {
  jwksEndpoint: Pick<JwksEndpointSettings, 'enable' | 'maxKeys'>
  /** Key sets that were read before. Undefined for fixed clients, which are read once. */
  knownKeySets?: KnownKeySets | undefined
}

const MAX_KNOWN_KEY_SETS = 1000

/** The options `jwks` and `jwksUri`; undefined after noting a problem. */
export function readClientKeys(reader: OptionReader, context: ClientKeyContext): ClientKeys | undefined {
  const { jwksEndpoint, knownKeySets } = context
  if (reader.isNamed('jwks')) {
    const read = () => readFixedKeySet(reader, undefined, jwksEndpoint)
    const keySet = knownKeySets === undefined ? read() : knownKeySets.read(reader, read)
    return keySet && { from: 'jwks', keySet }
  }
  if (knownKeySets !== undefined) {
    const why = 'the operator has not chosen a URL that comes from a database'
    reader.note(
      'conflict',
      'jwksUri',
      `not possible in a client of ${option('findClient')}, because ${why}; fetch the keys there, and return ${option('jwks')}`,
    )
    return undefined
  }
  const isUsable = (text: string) => isSecureUrl(text) && isHostAllowed(new URL(text).hostname, 'any')
  const jwksUri = reader.string(
    'jwksUri',
    'an https URL without user info or fragment (http only on loopback)',
    isUsable,
  )
  if (jwksUri !== '' && !jwksEndpoint.enable) {
    reader.note('conflict', 'jwksUri', `${option('jwksEndpoint.enable')} is false; set ${option('jwks')} instead`)
  }
  return jwksUri === '' || !jwksEndpoint.enable ? undefined : { from: 'jwksUri', jwksUri }
}

/** Remembers key sets by their content, so that a client that is looked up often has its keys imported once. */
export class KnownKeySets {
  /** The least recently used first. */
  readonly #keySets = new Map<string, KeySet>()

  /** @param read what reads it if it is not known; a set with a problem is read, and refused, each time */
  read(reader: OptionReader, read: () => KeySet | undefined): KeySet | undefined {
    const content = contentOf(reader.value('jwks'))
    const known = content === undefined ? undefined : this.#keySets.get(content)
    const problems = reader.problems().length
    const keySet = known ?? read()
    if (content === undefined || keySet === undefined || reader.problems().length > problems) return keySet
    this.#keySets.delete(content)
    this.#keySets.set(content, keySet)
    for (const oldest of this.#keySets.size > MAX_KNOWN_KEY_SETS ? this.#keySets.keys() : []) {
      this.#keySets.delete(oldest)
      break
    }
    return keySet
  }
}

/** Of what is read of a key set; undefined for what is not JSON. */
function contentOf(jwks: unknown): string | undefined {
  const keys = isJsonObject(jwks) ? ownMember(jwks, 'keys') : undefined
  if (!Array.isArray(keys)) return undefined
  try {
    return hash('sha256', JSON.stringify(keys, valueItself), 'base64url')
  } catch {
    return undefined
  }
}

/** Instead of what its `toJSON` returns, which may withhold the very keys by which two clients differ. */
function valueItself(this: Readonly<Record<string, unknown>>, name: string): unknown {
  return this[name]
}
