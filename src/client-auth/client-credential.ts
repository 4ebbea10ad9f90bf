import { option } from '../option-checks/config-error.js'
import type { OptionReader } from '../option-checks/option-reader.js'
import { type AssertedByOptions, readAssertedBy } from './asserted-client.js'
import { type CertificateCredential, readClientCertificate } from './client-certificate-options.js'
import { type ClientKeyContext, type ClientKeys, readClientKeys } from './client-keys.js'
import { readSecretDigest } from './client-secret.js'

/** By what a client proves who it is. It has one way only, so nothing ever falls back to a weaker one. */
export type ClientCredential =
  | {
      kind: 'secret'
      /** SHA-256 of the secret: the secret itself is not kept. */
      digest: Buffer
    }
  | {
      kind: 'keys'
      /** Its public keys; undefined only until the problem is reported. */
      keys: ClientKeys | undefined
    }
  | CertificateCredential
  | {
      kind: 'identity_provider'
      /** Whose assertions authenticate it. */
      assertedBy: AssertedByOptions
    }

interface CredentialReader {
  /** The options that mean this kind of credential: a client has one of them. */
  options: readonly string[]
  read(reader: OptionReader, context: ClientKeyContext): ClientCredential
}

/** Every kind of credential that a client can be registered with. */
const CREDENTIAL_READERS: readonly CredentialReader[] = [
  {
    options: ['clientSecret', 'clientSecretHash'],
    read: (reader) => ({ kind: 'secret', digest: readSecretDigest(reader) }),
  },
  {
    options: ['jwks', 'jwksUri'],
    read: (reader, context) => ({ kind: 'keys', keys: readClientKeys(reader, context) }),
  },
  { options: ['certificate'], read: readClientCertificate },
  {
    options: ['assertedBy'],
    read: (reader) => ({ kind: 'identity_provider', assertedBy: readAssertedBy(reader) }),
  },
]
const CREDENTIAL_OPTIONS = CREDENTIAL_READERS.flatMap(({ options }) => options)

/** The one credential of a client; undefined after noting that it has none. */
export function readClientCredential(reader: OptionReader, context: ClientKeyContext): ClientCredential | undefined {
  const [first, ...others] = CREDENTIAL_OPTIONS.filter((name) => reader.isNamed(name))
  if (first === undefined) {
    const names = CREDENTIAL_OPTIONS.map((name) => option(name)).join(', ')
    reader.missing('clientSecret', CREDENTIAL_OPTIONS, `missing; set one of ${names}`)
    return undefined
  }
  for (const other of others) reader.refuseBoth(other, first)
  return CREDENTIAL_READERS.find(({ options }) => options.includes(first))?.read(reader, context)
}
