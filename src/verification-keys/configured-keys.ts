import { printable } from '../errors/printable.js'
import { describeDocument } from '../guarded-fetch/document-kind.js'
import { ownMember } from '../jwt/parse-json-object.js'
import type { OptionReader } from '../option-checks/option-reader.js'
import { type Certificate, findIssuingCertificate, readCertificates } from './certificate.js'
import { KEY_USES, type KeyReading } from './key-reading.js'
import { type KeySet, readKeySet } from './key-set.js'

const MAX_CERTIFICATES = 10

/** The option `certificates`; undefined if there is none that can be used. */
export function readCertificateList(reader: OptionReader): Certificate[] | undefined {
  const wanted = 'PEM text of X.509 certificates with RSA (2048 to 8192 bits), P-256, P-384, P-521 or Ed25519 keys'
  const isReadable = (pem: string) => readCertificates(pem) !== undefined
  const certificates = (reader.strings('certificates', wanted, isReadable) ?? []).flatMap(
    (pem) => readCertificates(pem) ?? [],
  )
  if (certificates.length > MAX_CERTIFICATES) reader.problem('certificates', `at most ${MAX_CERTIFICATES} certificates`)
  const issuer = findIssuingCertificate(certificates)
  if (issuer !== undefined) {
    const found = `a chain: "${issuer.subject}" issued another certificate`
    reader.problem('certificates', 'the certificates of the signing keys only', found)
  }
  const value = reader.value('certificates')
  if (Array.isArray(value) && value.length === 0) reader.problem('certificates', 'at least one certificate', 'none')
  return certificates.length > 0 ? certificates : undefined
}

/** Which members of key sets are used; undefined: no more than the RFCs say. */
export function readKeyReading(reader: OptionReader): KeyReading | undefined {
  const isKeyUse = (use: string) => KEY_USES.some((each) => each === use)
  const keyUses = reader.strings('keyUses', `further uses of keys: ${KEY_USES.join(', ')}`, isKeyUse) ?? []
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
  const members = typeof jwks === 'object' && jwks !== null ? ownMember(jwks, 'keys') : undefined
  if (!Array.isArray(members)) {
    const seemsToBe = typeof jwks === 'object' && jwks !== null ? `; ${printable(describeDocument(jwks))}` : ''
    reader.problem('jwks', `a JWK set: { keys: [...] }${seemsToBe}`)
    return undefined
  }
  const { keySet, skipped, cut } = readKeySet(members, maxKeys, reading)
  if (cut !== undefined) {
    const expected = `at most ${maxKeys} keys; to use more, raise jwksEndpoint.maxKeys`
    reader.problem('jwks', expected, `${cut.keys} keys`)
  }
  for (const { skipped: reason, kid } of skipped) {
    if (keySet !== undefined && reason !== 'private_or_symmetric') continue
    reader.problem('jwks', 'public signature keys only', `a key${kid === undefined ? '' : ` "${kid}"`}: ${reason}`)
  }
  if (members.length === 0) reader.problem('jwks', 'at least one key', 'an empty key set')
  return keySet
}
