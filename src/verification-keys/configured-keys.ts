import { printable } from '../errors/printable.js'
import { describeDocument } from '../guarded-fetch/document-kind.js'
import { isJsonObject, ownMember } from '../jwt/parse-json-object.js'
import { option } from '../option-checks/config-error.js'
import type { OptionReader } from '../option-checks/option-reader.js'
import { type Certificate, findIssuingCertificate, readCertificates } from './certificate.js'
import { KEY_USES, type KeyReading } from './key-reading.js'
import { type KeySet, readKeySet } from './key-set.js'

const MAX_CERTIFICATES = 10

/** The option `certificates`; undefined if there is none that can be used. */
export function readCertificateList(reader: OptionReader): Certificate[] | undefined {
  const wanted = 'PEM text of X.509 certificates with RSA (2048 to 8192 bits), P-256, P-384, P-521 or Ed25519 keys'
  const isReadable = (pem: string) => readCertificates(pem) !== undefined
  const certificates = (reader.someStrings('certificates', wanted, isReadable) ?? []).flatMap(
    (pem) => readCertificates(pem) ?? [],
  )
  if (certificates.length > MAX_CERTIFICATES) {
    const got = `${certificates.length} certificates`
    reader.problem('certificates', `at most ${MAX_CERTIFICATES}`, got, 'out_of_bounds')
  }
  const issuer = findIssuingCertificate(certificates)
  if (issuer !== undefined) {
    const slip = `"${issuer.subject}" issued another certificate of the list`
    reader.note(
      'invalid',
      'certificates',
      `${slip}; leave out the chain, and keep the certificates of the signing keys`,
    )
  }
  return certificates.length > 0 ? certificates : undefined
}

/** Which members of key sets are used; undefined: no more than the RFCs say. */
export function readKeyReading(reader: OptionReader): KeyReading | undefined {
  const isKeyUse = (use: string) => KEY_USES.some((each) => each === use)
  const keyUses = reader.strings('keyUses', `"${KEY_USES.join('" or "')}"`, isKeyUse) ?? []
  const x5cOnlyKeys = reader.boolean('x5cOnlyKeys', false)
  if (!x5cOnlyKeys && keyUses.length === 0) return undefined
  return { x5cOnlyKeys, keyUses: KEY_USES.filter((use) => keyUses.includes(use)) }
}

/** The option `jwks`; undefined if it has no usable key. */
export function readFixedKeySet(
  reader: OptionReader,
  reading: KeyReading | undefined,
  { maxKeys }: { maxKeys: number },
): KeySet | undefined {
  const jwks = reader.value('jwks')
  const members = isJsonObject(jwks) ? ownMember(jwks, 'keys') : undefined
  if (!Array.isArray(members)) {
    const ofText = typeof jwks === 'string' && /^\s*[{[]/.test(jwks) ? '; parse the text with JSON.parse' : ''
    const seemsToBe = typeof jwks === 'object' && jwks !== null ? `; ${printable(describeDocument(jwks))}` : ofText
    reader.problem('jwks', `a JWK set: { keys: [...] }${seemsToBe}`, undefined, 'wrong_type')
    return undefined
  }
  const { keySet, skipped, cut } = readKeySet(members, maxKeys, reading)
  if (cut !== undefined) {
    const toDo = `expected at most ${maxKeys}; to use more, raise ${option('jwksEndpoint.maxKeys')}`
    reader.note('out_of_bounds', 'jwks', `got ${cut.keys} keys; ${toDo}`)
  }
  for (const { skipped: reason, kid } of skipped) {
    if (keySet !== undefined && reason !== 'private_or_symmetric') continue
    reader.problem('jwks', 'public signature keys only', `a key${kid === undefined ? '' : ` "${kid}"`}: ${reason}`)
  }
  if (members.length === 0) reader.problem('jwks', 'at least one key', 'an empty key set', 'out_of_bounds')
  return keySet
}
