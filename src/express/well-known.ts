import { pathOf } from '../protected-route/host-request.js'
import { ENDPOINTS, type EndpointMetadataDeps, nonEmpty } from './endpoints.js'
import { createPublicDocument, type ExpressRequest, type Middleware } from './http.js'
import type { MetadataSettings } from './metadata-options.js'
import type { FindResourceDocument } from './resource-documents.js'

export interface WellKnownDeps extends EndpointMetadataDeps {
  issuer: string
  /** As far as they are known: those of clients that are looked up are not. */
  scopes: readonly string[]
  /** What the host adds. */
  metadata: MetadataSettings
  /** The algorithms of our signing keys, retired ones included. */
  signingAlgorithms: readonly string[]
  openidConfiguration: boolean
  /** The identifiers of the option `resources`; none without it. */
  resources: readonly string[]
  findResourceDocument: FindResourceDocument
}

/** One document below `/.well-known/`. */
interface WellKnownDocument {
  isServed(deps: WellKnownDeps): boolean
  /** @param pathOfIssuer empty, or with a slash at its start only */
  pathFor(pathOfIssuer: string): string
  contentsOf(deps: WellKnownDeps): object
}

const DOCUMENTS: readonly WellKnownDocument[] = [
  {
    // RFC 8414 §3.1 puts the well-known path before the path of the issuer.
    isServed: () => true,
    pathFor: (pathOfIssuer) => `/.well-known/oauth-authorization-server${pathOfIssuer}`,
    contentsOf: metadataOf,
  },
  {
    // OpenID Connect Discovery §4 puts it after that.
    isServed: ({ openidConfiguration }) => openidConfiguration,
    pathFor: (pathOfIssuer) => `${pathOfIssuer}/.well-known/openid-configuration`,
    contentsOf: openidConfigurationOf,
  },
]

/** Serves the documents about the issuer and the resources. Mount it at the host's root. */
export function createWellKnown(deps: WellKnownDeps): Middleware {
  const pathOfIssuer = new URL(deps.issuer).pathname.replace(/\/$/, '')
  const served = DOCUMENTS.filter((document) => document.isServed(deps)).map(
    ({ pathFor, contentsOf }) => [pathFor(pathOfIssuer), createPublicDocument(contentsOf(deps))] as const,
  )
  const documents = new Map(served)
  return (req: ExpressRequest, res, next) => {
    const sendDocument = isWellKnown(req) ? (findDocument(req, documents) ?? deps.findResourceDocument(req)) : undefined
    if (sendDocument === undefined) next()
    else sendDocument(req, res, next)
  }
}

/** Before the path is taken apart: every request of a host comes by here. */
function isWellKnown({ originalUrl, url }: ExpressRequest): boolean {
  return (originalUrl ?? url)?.includes('/.well-known/') === true
}

/** Below the path at which the host has mounted it, or by the whole path. */
function findDocument<Document>({ originalUrl, url }: ExpressRequest, documents: ReadonlyMap<string, Document>) {
  return documents.get(pathOf(url)) ?? documents.get(pathOf(originalUrl))
}

/**
 * What verifiers of our access tokens look for (OpenID Connect Discovery §3). The standard also requires an
 * `authorization_endpoint`, but there is none, and no ID token. The algorithms are those of our access tokens.
 */
function openidConfigurationOf(deps: WellKnownDeps): object {
  return {
    ...metadataOf(deps),
    subject_types_supported: ['public'],
    id_token_signing_alg_values_supported: deps.signingAlgorithms,
  }
}

/**
 * RFC 8414 §2. There is no authorization endpoint of ours, but `response_types_supported` is required and must not be empty
 * (§3.2), so it names the response type `none`, unless the host has an endpoint of its own. It may also list other scopes:
 * `scopes_supported` need not be complete.
 */
function metadataOf(deps: WellKnownDeps): object {
  const { issuer, metadata } = deps
  const ours: object = {
    issuer,
    ...nonEmpty('scopes_supported', metadata.scopes ?? deps.scopes),
    ...nonEmpty('protected_resources', deps.resources), // RFC 9728 §4
    ...Object.assign({}, ...ENDPOINTS.map(({ metadataOf: metadataOfEndpoint }) => metadataOfEndpoint(deps))),
  }
  return { issuer, response_types_supported: ['none'], ...metadata.members, ...ours }
}
