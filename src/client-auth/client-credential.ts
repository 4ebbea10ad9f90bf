import type { OptionReader } from '../option-checks/option-reader.js'
import { readSecretDigest } from './client-secret.js'

/** By what a client proves who it is. It has one way only, so nothing ever falls back to a weaker one. */
export type ClientCredential = {
  kind: 'secret'
  /** SHA-256 of the secret: the secret itself is not kept. */
  digest: Buffer
}

interface CredentialReader {
  /** The options that mean this kind of credential: a client has one of them. */
  options: readonly string[]
  read(reader: OptionReader): ClientCredential
}

/** Every kind of credential that a client can be registered with. */
const CREDENTIAL_READERS: readonly CredentialReader[] = [
  {
    options: ['clientSecret', 'clientSecretHash'],
    read: (reader) => ({ kind: 'secret', digest: readSecretDigest(reader) }),
  },
]
const CREDENTIAL_OPTIONS = CREDENTIAL_READERS.flatMap(({ options }) => options)

/** The one credential of a client; undefined after noting that it has none. */
export function readClientCredential(reader: OptionReader): ClientCredential | undefined {
  const [first, ...others] = CREDENTIAL_OPTIONS.filter((option) => reader.isNamed(option))
  if (first === undefined) {
    reader.missing('clientSecret', CREDENTIAL_OPTIONS, 'missing; expected a non-empty string')
    return undefined
  }
  for (const other of others) reader.refuseBoth(other, first)
  return CREDENTIAL_READERS.find(({ options }) => options.includes(first))?.read(reader)
}
