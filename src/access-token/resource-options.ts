import { normaliseResource } from '../oauth/resource.js'
import { isScopeToken } from '../oauth/scope.js'
import { type OptionReader, refuseRepeated } from '../option-checks/option-reader.js'
import { isSecureUrl } from '../option-checks/urls.js'
import type { Resource } from './resources.js'

/**
 * One resource: an API that access tokens are for (RFC 8707).
 *
 * @example
 * const orders: ResourceOptions = {
 *   identifier: 'https://api.example.com/orders',
 *   scopes: ['orders:read', 'orders:write'],
 *   lifetime: 600,
 *   name: 'Orders',
 *   documentation: 'https://docs.example.com/orders',
 * }
 */
export interface ResourceOptions {
  /**
   * What clients request as `resource`, and the `aud` of access tokens: an absolute URI without fragment, at most 2048
   * characters. A web address must be `https` (`http` only on loopback), written as in a browser's address bar. Case of scheme
   * and host does not count, and neither does the slash of an empty path. No other resource may have the same.
   */
  identifier: string
  /** The scopes that belong to it. A token for it has no other scope. Default: any scope. */
  scopes?: readonly string[]
  /** The longest lifetime of access tokens for it, in seconds, 1 to 86 400. Default: `accessToken.lifetime`. */
  lifetime?: number
  /** Its name for people, 1 to 256 characters: `resource_name` in its metadata (RFC 9728 §2). Default: none. */
  name?: string
  /**
   * A page for developers: `resource_documentation` in its metadata. `https`, or `http` on loopback; no fragment. Default: none.
   */
  documentation?: string
}

const MAX_RESOURCES = 1000
const MAX_IDENTIFIER_LENGTH = 2048
const MAX_NAME_LENGTH = 256
const IDENTIFIER =
  'an absolute URI without fragment, at most 2048 characters; a web address must be https (http only on loopback)'
const SCOPE = 'a scope token (RFC 6749 §3.3)'
const PAGE = 'an https URL without fragment (http only on loopback)'
/** RFC 3986 §2, without the fragment. */
const URI = /^[a-z][a-z0-9+.-]*:(?:[\w\-.~:/?[\]@!$&'()*+,;=]|%[0-9a-f]{2})+$/i
const WEB_ADDRESS = /^https?:/i
/** Host and port without a scheme. */
const HOST_AND_PORT = /^[^:]+:\d+(?:$|[/?])/

/** The entries of `resources`; undefined without the option. */
export function readResources(reader: OptionReader): readonly Resource[] | undefined {
  if (!reader.isNamed('resources')) return undefined
  const readers = reader.objects('resources')
  const given = reader.hostObject('resources')
  if (Array.isArray(given) && (given.length === 0 || given.length > MAX_RESOURCES)) {
    const got = given.length === 0 ? 'an empty array' : `${given.length}`
    reader.problem('resources', `an array of 1 to ${MAX_RESOURCES} resources`, got, 'out_of_bounds')
  }
  const resources = readers.map(readResource)
  refuseRepeated(
    readers,
    'identifier',
    resources.map(({ identifier }) => normaliseResource(identifier)),
  )
  return resources
}

function readResource(reader: OptionReader): Resource {
  const scopes = reader.strings('scopes', SCOPE, isScopeToken)
  const resource = {
    identifier: reader.string('identifier', IDENTIFIER, isIdentifier),
    scopes: scopes && new Set(scopes),
    lifetime: reader.optionalInteger('lifetime', { min: 1, max: 86_400, unit: 'seconds' }) ?? Number.POSITIVE_INFINITY,
    name: reader.has('name') ? reader.string('name', `text of 1 to ${MAX_NAME_LENGTH} characters`, isShort) : undefined,
    documentation: reader.has('documentation') ? reader.string('documentation', PAGE, isSecureUrl) : undefined,
  }
  reader.refuseUnknown()
  return resource
}

function isShort(text: string): boolean {
  return text.trim() !== '' && text.length <= MAX_NAME_LENGTH
}

function isIdentifier(text: string): boolean {
  if (text.length > MAX_IDENTIFIER_LENGTH || !URI.test(text) || HOST_AND_PORT.test(text)) return false
  return !WEB_ADDRESS.test(text) || (isSecureUrl(text) && isWrittenAsParsed(text))
}

/** Otherwise a client would look for its metadata at another path. */
function isWrittenAsParsed(text: string): boolean {
  const { pathname, search } = new URL(text)
  const [, written = ''] = /^https?:\/\/[^/?]*(.*)$/i.exec(text) ?? []
  return written === `${pathname}${search}` || `/${written}` === `${pathname}${search}`
}
