import type { AccessToken } from '../access-token/access-token.js'
import { printable } from '../errors/printable.js'
import { TokenRejected } from '../errors/rejections.js'
import { OptionReader } from '../option-checks/option-reader.js'
import { isForResource } from '../protected-route/check-required-access.js'
import type { ConfiguredParts } from './configured-parts.js'

/**
 * What an access token must be for.
 *
 * @example
 * const options: VerifyAccessTokenOptions = { resource: 'https://api.example.com/billing' }
 */
export interface VerifyAccessTokenOptions {
  /** The resource that the token must be for. Default: as for `protect`. */
  resource?: string
}

type DefaultResources = Pick<ConfiguredParts, 'settings'>

/** Access tokens of other issuers have audiences of their own. */
export function isForDefaultResource({ issuer, audience }: AccessToken, { settings }: DefaultResources): boolean {
  return issuer !== settings.issuer || settings.accessToken.resources.areDefault(audience)
}

/**
 * Verifies an access token for one resource.
 *
 * @param given the arguments of `verifyAccessToken`. Options that are undefined are a mistake, and are not the same as none
 * @throws TokenRejected, DependencyUnavailable
 * @throws ConfigError for an unknown option
 */
export async function verifyForResource(
  [token, ...given]: readonly [token: string, ...options: unknown[]],
  parts: DefaultResources & Pick<ConfiguredParts, 'verifyAccessToken'>,
): Promise<AccessToken> {
  const resource = given.length === 0 ? undefined : readResource(given[0])
  const accessToken = await parts.verifyAccessToken(token)
  const isRight =
    resource === undefined ? isForDefaultResource(accessToken, parts) : isForResource(accessToken, resource)
  if (isRight) return accessToken
  const rejection = new TokenRejected('wrong_audience')
  rejection.context = { audience: printable(accessToken.audience.join(' ')) }
  throw rejection
}

function readResource(options: unknown): string | undefined {
  const reader = new OptionReader(options, ['verifyAccessToken'], "{ resource: 'https://api.example.com' }")
  const resource = reader.isNamed('resource') ? reader.string('resource') : undefined
  reader.refuseUnknown()
  reader.throwProblems()
  return resource
}
