import { type JwksConnectionSettings, readJwksConnection } from '../guarded-fetch/connection-options.js'
import { metadataUrlOf } from '../jwks/fetch-metadata.js'
import type { JwksEndpointSettings } from '../jwks/jwks-endpoint-options.js'
import { option } from '../option-checks/config-error.js'
import type { OptionReader } from '../option-checks/option-reader.js'
import { isSecureUrl, isWebUrl } from '../option-checks/urls.js'
import type { Certificate } from '../verification-keys/certificate.js'
import { readCertificateList, readFixedKeySet, readKeyReading } from '../verification-keys/configured-keys.js'
import type { KeyReading } from '../verification-keys/key-reading.js'
import type { KeySet } from '../verification-keys/key-set.js'
import { isUsableName, TENANT } from './identity-provider-name.js'

/** Where an identity provider has its keys. */
export type IdentityProviderKeys =
  | {
      jwksUri: string
      metadataOf: string | undefined
      connection: JwksConnectionSettings
      reading: KeyReading | undefined
    }
  | { certificates: readonly Certificate[] }
  | { keySet: KeySet }

const HTTP_ALLOWED = `(http only on loopback, or with ${option('allowInsecureHttp', true)})`
/** The options of which one says where the keys are. */
export const KEY_OPTIONS = ['jwksUri', 'discovery', 'certificates', 'jwks']

/** How the options of one kind of entry say where its keys are. */
export interface KeyOptionsContext {
  enabled: boolean
  jwksEndpoint: Pick<JwksEndpointSettings, 'enable' | 'maxKeys'>
  /** The option that has its `iss`. Default: `name`. */
  nameKey?: string
  /** Whether the keys are found by discovery if no option says where they are. Default: false. */
  discoversByDefault?: boolean
}

/** undefined for a disabled identity provider without keys, and after noting that there are none. */
export function readIdentityProviderKeys(
  reader: OptionReader,
  { enabled, jwksEndpoint, nameKey = 'name', discoversByDefault = false }: KeyOptionsContext,
): IdentityProviderKeys | undefined {
  const isUnsaid = discoversByDefault && !KEY_OPTIONS.some((key) => reader.isNamed(key))
  const metadataUrl = readMetadataUrl(reader, nameKey, isUnsaid ? true : reader.value('discovery'))
  const jwksUri = reader.has('jwksUri') ? readJwksUri(reader) : metadataUrl
  const metadataOf = metadataUrl === undefined ? undefined : String(reader.value(nameKey))
  const connection = readJwksConnection(reader, jwksUri)
  const reading = readKeyReading(reader)
  const certificates = reader.has('certificates') ? readCertificateList(reader) : undefined
  const keySet = reader.has('jwks') ? readFixedKeySet(reader, reading, jwksEndpoint) : undefined
  reader.refuseBoth('jwks', 'certificates')
  if (jwksUri !== undefined && jwksEndpoint.enable) return { jwksUri, metadataOf, connection, reading }
  if (certificates !== undefined) return { certificates }
  if (keySet !== undefined) return { keySet }
  if (!enabled) return undefined
  if (jwksUri !== undefined) {
    const why = `${option('jwksEndpoint.enable')} is false`
    const toDo = `set ${option('certificates')} or ${option('jwks')}, or ${option('enabled', false)}`
    reader.note('conflict', metadataUrl === undefined ? 'jwksUri' : 'discovery', `${why}; ${toDo}`)
  } else if (!isUnsaid && !KEY_OPTIONS.some((key) => reader.isNamed(key) && reader.value(key) !== false)) {
    const names = KEY_OPTIONS.map((name) => option(name)).join(', ')
    reader.missing(undefined, KEY_OPTIONS, `has no keys; set one of ${names}`)
  }
  return undefined
}

/** The URL of its metadata; undefined without discovery. */
function readMetadataUrl(reader: OptionReader, nameKey: string, discovery: unknown): string | undefined {
  if (discovery === undefined || discovery === false) return undefined
  reader.refuseBoth('discovery', 'jwksUri')
  const isAllowed = allowedUrls(reader)
  if (typeof discovery === 'string' && isAllowed(discovery)) return discovery
  if (discovery !== true) {
    reader.problem('discovery', `true, false, or the https URL of its metadata ${HTTP_ALLOWED}`)
    return undefined
  }
  const name = reader.value(nameKey)
  if (!isUsableName(name, reader.isNamed('tenants'))) return undefined // It is a problem already.
  if (isAllowed(name) && !name.includes('?')) return metadataUrlOf(name)
  const needed = `an https URL without query ${HTTP_ALLOWED}, because of ${option('discovery', true)}`
  reader.problem(nameKey, `${needed}. Or set ${option('discovery')} to the URL of its metadata`)
  return undefined
}

function readJwksUri(reader: OptionReader): string | undefined {
  const expected = `an https URL without user info or fragment ${HTTP_ALLOWED}`
  return reader.string('jwksUri', expected, allowedUrls(reader)) || undefined
}

function allowedUrls(reader: OptionReader): (text: string) => boolean {
  const isAllowed = reader.value('allowInsecureHttp') === true ? isWebUrl : isSecureUrl
  return reader.isNamed('tenants') ? (text) => isAllowed(text.replace(TENANT, 'tenant')) : isAllowed
}
