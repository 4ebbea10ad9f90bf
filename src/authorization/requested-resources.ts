import { OAuthError } from '../oauth/errors.js'

/** RFC 8707 §2: an absolute URI without a fragment. */
const RESOURCE = /^[a-z][a-z0-9+.-]*:[^\s#]+$/i
const WEB_ADDRESS = /^(https?):\/\/([^/?#@]+)(.*)$/i

/**
 * The audiences that the parameter `resource` names, in the spelling in which they are registered; all of them if it names
 * none.
 *
 * @param audiences those that could be granted
 * @throws OAuthError `invalid_target` if one is malformed, or not among them (RFC 8707 §2)
 */
export function narrowAudiences(resources: readonly string[], audiences: ReadonlySet<string>): ReadonlySet<string> {
  if (resources.length === 0) return audiences
  return new Set(resources.map((resource) => requireAudience(resource, audiences)))
}

function requireAudience(resource: string, audiences: ReadonlySet<string>): string {
  if (!RESOURCE.test(resource)) {
    throw new OAuthError('invalid_target', 'The resource must be an absolute URI without a fragment')
  }
  if (audiences.has(resource)) return resource
  const wanted = normaliseResource(resource)
  const audience = [...audiences].find((each) => normaliseResource(each) === wanted)
  if (audience === undefined) throw new OAuthError('invalid_target', 'The resource is unknown, or not granted')
  return audience
}

/**
 * Scheme and host have no case, and the path of a web address may be left out if it is `/` (RFC 3986 §6.2.2.1, §6.2.3):
 * many clients send the one for the other. Everything else differs.
 */
function normaliseResource(resource: string): string {
  const [, scheme, authority, rest] = WEB_ADDRESS.exec(resource) ?? []
  if (scheme === undefined || authority === undefined) return resource
  return `${scheme.toLowerCase()}://${authority.toLowerCase()}${rest || '/'}`
}
