import { JWT_BEARER_GRANT_TYPE } from '../oauth/scope.js'
import { type OptionReader, refuseRepeated } from '../option-checks/option-reader.js'
import type { Grant } from './grant.js'

/** A grant of the options, as it was when these were read. */
export type GrantSettings = Required<Grant>

const MAX_GRANT_TYPE_LENGTH = 256
/** RFC 6749 App. A.10: grant-name, or the absolute URI of §4.5. */
const GRANT_TYPE = /^(?:[-._0-9A-Za-z]+|[A-Za-z][-+.0-9A-Za-z]*:[!$-;=?-Z_a-z~[\]]+)$/
/** RFC 6749 App. A.2: param-name. */
const PARAMETER_NAME = /^[-._0-9A-Za-z]+$/
/** What is read before the grant is known, or says who the client is. */
const ONE_ONLY = ['grant_type', 'client_id', 'client_secret', 'client_assertion', 'client_assertion_type']
const FUNCTION = 'a function of the request, the client and the tools'

/** The entries of `grants`. Their grant types must differ from each other and from the built-in grants. */
export function readGrants(reader: OptionReader): readonly GrantSettings[] {
  const entries = reader.hostObject('grants')
  const readers = reader.objects('grants')
  const grants = readers.map((each, index) => readGrant(each, Array.isArray(entries) ? entries[index] : undefined))
  refuseRepeated(
    readers,
    'grantType',
    grants.map(({ grantType }) => grantType),
  )
  return grants
}

function readGrant(reader: OptionReader, entry: unknown): GrantSettings {
  const settings = {
    grantType: reader.string(
      'grantType',
      'a name or an absolute URI (RFC 6749 §4.5), but not a built-in grant type',
      isOwnGrantType,
    ),
    repeatableParameters:
      reader.strings(
        'repeatableParameters',
        'the name of a parameter that is read for this grant only',
        mayBeRepeatable,
      ) ?? [],
    authorize: readAuthorize(reader, entry),
  }
  reader.refuseUnknown()
  return settings
}

function readAuthorize(reader: OptionReader, entry: unknown): Grant['authorize'] {
  const authorize = reader.value('authorize')
  if (typeof authorize === 'function') return authorize.bind(entry)
  if (reader.isNamed('authorize') || authorize === undefined)
    reader.problem('authorize', FUNCTION, undefined, 'wrong_type')
  return () => Promise.reject(new TypeError(FUNCTION))
}

function isOwnGrantType(text: string): boolean {
  return text.length <= MAX_GRANT_TYPE_LENGTH && text !== JWT_BEARER_GRANT_TYPE && GRANT_TYPE.test(text)
}

function mayBeRepeatable(name: string): boolean {
  return PARAMETER_NAME.test(name) && !ONE_ONLY.includes(name)
}
