/** RFC 8707 §2: an absolute URI without a fragment. */
const RESOURCE = /^[a-z][a-z0-9+.-]*:[^\s#]+$/i
const WEB_ADDRESS = /^(https?):\/\/([^/?#@]+)(.*)$/i

export function isResource(text: string): boolean {
  return RESOURCE.test(text)
}

/**
 * Scheme and host have no case, and the path of a web address may be left out if it is `/` (RFC 3986 §6.2.2.1, §6.2.3):
 * many clients send the one for the other. Everything else differs.
 */
export function normaliseResource(resource: string): string {
  const [, scheme, authority, rest] = WEB_ADDRESS.exec(resource) ?? []
  if (scheme === undefined || authority === undefined) return resource
  return `${scheme.toLowerCase()}://${authority.toLowerCase()}${rest || '/'}`
}
