import type { Resource } from '../access-token/resources.js'
import { normaliseResource } from '../oauth/resource.js'
import type { FindResourceMetadata } from './challenge.js'

/** What is published of a resource. */
export type PublishedResource = Pick<Resource, 'identifier' | 'scopes' | 'name' | 'documentation'>

/** The metadata of one resource (RFC 9728), and where they are. */
export interface ResourceMetadata {
  /** Path and query of the document. */
  path: string
  /** Of the resource: with the port, if it has one. In lower case. */
  host: string
  url: string
  document: Readonly<Record<string, unknown>>
}

const WEB_ADDRESS = /^(https?:\/\/([^/?]+))\/?(.*)$/i
const WELL_KNOWN = '/.well-known/oauth-protected-resource'

/**
 * The documents of all resources that are web addresses; other resources can have none (RFC 9728 §2).
 *
 * @param authorizationServers the issuers whose access tokens are accepted
 */
export function describeResources(
  resources: readonly PublishedResource[],
  authorizationServers: readonly string[],
): readonly ResourceMetadata[] {
  return resources.flatMap((resource) => describeResource(resource, authorizationServers) ?? [])
}

/**
 * What challenges name, from the configuration alone.
 *
 * @param defaults the identifiers of the default resources: of several, none is named
 */
export function createFindResourceMetadata(
  described: readonly ResourceMetadata[],
  defaults: ReadonlySet<string>,
): FindResourceMetadata {
  const urls = new Map(described.map(({ document, url }) => [normaliseResource(String(document.resource)), url]))
  const [first, second] = defaults
  const byDefault = second === undefined ? first : undefined
  return (resource = byDefault) => (resource === undefined ? undefined : urls.get(normaliseResource(resource)))
}

function describeResource(
  { identifier, scopes, name, documentation }: PublishedResource,
  authorizationServers: readonly string[],
): ResourceMetadata | undefined {
  const [, origin, host, rest = ''] = WEB_ADDRESS.exec(identifier) ?? []
  if (origin === undefined || host === undefined) return undefined
  const path = `${WELL_KNOWN}${rest === '' || rest.startsWith('?') ? rest : `/${rest}`}`
  return {
    path,
    host: host.toLowerCase(),
    url: `${origin}${path}`,
    document: {
      resource: identifier,
      authorization_servers: authorizationServers,
      ...(scopes !== undefined && scopes.size > 0 && { scopes_supported: [...scopes] }),
      bearer_methods_supported: ['header'],
      ...(name !== undefined && { resource_name: name }),
      ...(documentation !== undefined && { resource_documentation: documentation }),
    },
  }
}
