import { option } from '../option-checks/config-error.js'
import type { OptionReader } from '../option-checks/option-reader.js'
import { type AssertedByOptions, readAssertedBy } from './asserted-client.js'
import { type CertificateCredential, readClientCertificate } from './client-certificate-options.js'
import { type ClientKeyContext, type ClientKeys, readClientKeys } from './client-keys.js'
import { readSecretDigest } from './client-secret.js'

/** How a client authenticates. It has exactly one credential, so nothing falls back to a weaker one. */
export type ClientCredential =
  | {
      kind: 'secret'
      /** SHA-256 of the secret: the secret itself is not kept. */
      digest: Buffer
    }
  | {
      kind: 'keys'
      keys: ClientKeys
    }
  | CertificateCredential
  | {
      kind: 'identity_provider'
      assertedBy: AssertedByOptions
    }

interface CredentialReader {
  /** The options that set this kind of credential. A client has one of them. */
  options: readonly string[]
  /** undefined after noting a problem. */
  read(reader: OptionReader, context: ClientKeyContext): ClientCredential | undefined
}

/** Every kind of credential that a client can be registered with. */
const CREDENTIAL_READERS: readonly CredentialReader[] = [
  {
    options: ['clientSecret', 'clientSecretHash'],
    read: (reader) => ({ kind: 'secret', digest: readSecretDigest(reader) }),
  },
  {
    options: ['jwks', 'jwksUri'],
    read: (reader, context) => {
      const keys = readClientKeys(reader, context)
      return keys && { kind: 'keys', keys }
    },
  },
  { options: ['certificate'], read: readClientCertificate },
  {
    options: ['assertedBy'],
    read: (reader) => ({ kind: 'identity_provider', assertedBy: readAssertedBy(reader) }),
  },
]
const CREDENTIAL_OPTIONS = CREDENTIAL_READERS.flatMap(({ options }) => options)

/** The one credential of a client; undefined after noting a problem. */
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
