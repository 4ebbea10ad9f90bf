import { type VerifiedIssuedToken, verifyIssuedToken } from '../access-token/verify-issued-token.js'
import { printable } from '../errors/printable.js'
import { isTokenRejected } from '../errors/rejections.js'
import type { ExchangeEvents } from '../events/exchange-events.js'
import { ConfigError } from '../option-checks/config-error.js'
import { OptionReader } from '../option-checks/option-reader.js'
import { keptUntil, MAX_TOKEN_LIFETIME } from '../revocation/revocation-lifetime.js'
import type { Revocation, RevocationKind } from '../revocation/revocation-store.js'
import type { ConfiguredParts } from './configured-parts.js'
import type { LastingParts } from './lasting-parts.js'

/** Which access tokens `exchange.revoke` revokes: one of these. */
export type RevokedTokens =
  /** The access token itself. */
  | { token: string }
  /** Its `jti`: `tokenId` of the event `token.issued`. */
  | { tokenId: string }
  /** All that have this `sub`. */
  | { subject: string }
  /** All that have this `client_id`. */
  | { client: string }
  /** All that were issued for this identity provider: its `id`, by default its `name`. */
  | { identityProvider: string }

/**
 * Options of `exchange.revoke`.
 *
 * @example
 * await exchange.revoke({ subject: 'alice' }, { issuedBefore: Math.ceil(Date.now() / 1000) })
 */
export interface RevokeOptions {
  /**
   * Whole seconds since the epoch, at most an hour ahead: tokens with an earlier `iat` are refused. Not for a single token.
   * Default: the next whole second, so that every token that exists is refused.
   */
  issuedBefore?: number
}

/** What operators do with access tokens that were issued. */
export interface RevocationControl {
  /**
   * Refuses access tokens of this service although they have not expired: in this process at once, and in all others that use the
   * same `revocation.store` within a second. New tokens may still be obtained: to prevent that, also remove the client, or call
   * `disableIdentityProvider`.
   *
   * @example
   * await exchange.revoke({ client: 'reports' }) // its secret was stolen, and is replaced
   *
   * @throws ConfigError without the option `revocation`, or for anything else than one of these targets
   * @throws TokenRejected if `token` is not an access token of this service. One that has expired is not an error
   * @throws DependencyUnavailable if the store fails. The tokens are then refused in this process only: call it again
   */
  revoke(tokens: RevokedTokens, options?: RevokeOptions): Promise<void>
}

interface Deps {
  parts: () => Pick<ConfiguredParts, 'settings'>
  lasting: Pick<LastingParts, 'events' | 'revocations'>
}

const TARGETS = ['token', 'tokenId', 'subject', 'client', 'identityProvider'] as const
type Target = (typeof TARGETS)[number]
/** Seconds that `issuedBefore` may be ahead: more would be milliseconds, or a slip that locks somebody out. */
const MAX_AHEAD = 3600

export function createRevocationControl({ parts, lasting }: Deps): RevocationControl {
  return {
    revoke: async (tokens, options = {}) => {
      const { revocations, events } = lasting
      if (revocations === undefined) {
        const message = 'access tokens cannot be revoked without the option `revocation`; set it'
        throw new ConfigError([{ code: 'missing', path: ['revocation'], message }])
      }
      const found = await findRevocation(tokens, options, parts().settings)
      if (found === undefined) return
      await revocations.add({ ...found.revocation, expiresAt: keptUntil(found.revocation.expiresAt) })
      events.emit('token.revoked', { by: 'operator', ...found.named, ...timesOf(found.revocation) })
    },
  }
}

interface FoundRevocation {
  revocation: Revocation
  named: Pick<ExchangeEvents['token.revoked'], 'tokenId' | 'subject' | 'clientId' | 'identityProvider'>
}

/** undefined: the token has expired. */
async function findRevocation(
  tokens: RevokedTokens,
  options: RevokeOptions,
  settings: ConfiguredParts['settings'],
): Promise<FoundRevocation | undefined> {
  const now = settings.clock.now()
  const { target, value } = readTarget(tokens)
  const issuedBefore = readIssuedBefore(options, now, target)
  switch (target) {
    case 'token': {
      const token = await findToken(value, settings)
      if (token === undefined) return undefined
      const { tokenId, clientId, sub, expiresAt } = token
      const named = { tokenId: printable(tokenId), subject: printable(sub), clientId: printable(clientId) }
      return { revocation: { kind: 'token', value: tokenId, expiresAt }, named }
    }
    case 'tokenId':
      return {
        revocation: { kind: 'token', value, expiresAt: Math.ceil(now) + MAX_TOKEN_LIFETIME },
        named: { tokenId: printable(value) },
      }
    case 'subject':
      return { revocation: cutOff('subject', value, issuedBefore), named: { subject: printable(value) } }
    case 'client':
      return { revocation: cutOff('client', value, issuedBefore), named: { clientId: printable(value) } }
    case 'identityProvider':
      return {
        revocation: cutOff('identity_provider', value, issuedBefore),
        named: { identityProvider: printable(value) },
      }
  }
}

async function findToken(
  token: string,
  settings: ConfiguredParts['settings'],
): Promise<VerifiedIssuedToken | undefined> {
  const { issuer, clock, accessToken } = settings
  try {
    return await verifyIssuedToken(token, { issuer, clock, signingKeys: accessToken.signingKeys })
  } catch (error) {
    if (isTokenRejected(error) && error.reason === 'expired') return undefined
    throw error
  }
}

function cutOff(kind: RevocationKind, value: string, issuedBefore: number): Revocation {
  return { kind, value, issuedBefore, expiresAt: issuedBefore + MAX_TOKEN_LIFETIME }
}

function timesOf({
  issuedBefore,
  expiresAt,
}: Revocation): Pick<ExchangeEvents['token.revoked'], 'issuedBefore' | 'expiresAt'> {
  return { ...(issuedBefore !== undefined && { issuedBefore }), expiresAt }
}

function readTarget(tokens: unknown): { target: Target; value: string } {
  const reader = new OptionReader(tokens, ['revoke'], "{ subject: 'alice' }")
  const [target = 'token', second] = TARGETS.filter((name) => reader.isNamed(name))
  const isNone = !reader.isNamed(target)
  if (isNone)
    reader.missing(
      undefined,
      [...TARGETS],
      `missing; expected one of ${TARGETS.map((name) => `\`${name}\``).join(', ')}`,
    )
  if (second !== undefined) reader.refuseBoth(target, second)
  const value = isNone ? '' : target === 'token' ? reader.secret(target) : reader.string(target)
  reader.refuseUnknown()
  reader.throwProblems()
  return { target, value }
}

function readIssuedBefore(options: unknown, now: number, target: Target): number {
  const reader = new OptionReader(options, ['revoke'])
  const next = Math.floor(now) + 1
  const issuedBefore = reader.integer('issuedBefore', {
    ...{ min: 0, max: next + MAX_AHEAD, default: next, unit: 'seconds since the epoch' },
  })
  if ((target === 'token' || target === 'tokenId') && reader.isNamed('issuedBefore')) {
    reader.note('conflict', 'issuedBefore', `it has no meaning for a single token; remove it`)
  }
  reader.refuseUnknown()
  reader.throwProblems()
  return issuedBefore
}
