import type { KeyObject } from 'node:crypto'
import type { VerifiedToken } from '../access-token/verified-token-cache.js'
import type { AcceptedAccessTokens } from '../identity-provider/identity-provider.js'
import type { IntrospectionClient } from '../introspection/introspection-client.js'
import type { UnverifiedJws } from '../jwt/parse-jwt.js'
import type { AccessTokenChecks } from './access-token-checks.js'

/** What tokens of one issuer must satisfy. */
export interface TrustedIssuer {
  accepted: AcceptedAccessTokens
  checks: AccessTokenChecks
  /** undefined: it is not asked about its tokens. */
  introspection: IntrospectionClient | undefined
}

/** What is remembered of an access token of another issuer. */
export interface VerifiedIssuerToken extends VerifiedToken {
  trusted: TrustedIssuer
  header: UnverifiedJws['header']
  key: KeyObject
}

/** Whether its issuer is still switched on, and still has the key that signed it. */
export function isStillTrusted(verified: VerifiedIssuerToken): boolean {
  return verified.trusted.accepted.issuer.trust.isOn && isKeyCurrent(verified)
}

/** Asks as a request does, so that the key set is refreshed while only known tokens come. */
function isKeyCurrent({ trusted, header, key }: VerifiedIssuerToken): boolean {
  try {
    const { keys, areCurrent } = trusted.accepted.issuer.keySource.requireKeysAtOnce(header)
    return areCurrent && keys.includes(key)
  } catch {
    return false // The verification that follows waits for the keys, or says what is wrong.
  }
}
