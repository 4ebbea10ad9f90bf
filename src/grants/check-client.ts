import type { VerifiedAssertion } from '../assertion/verified-assertion.js'
import type { Client } from '../client-auth/client.js'
import { TokenRejected } from '../errors/rejections.js'

/** @throws TokenRejected `client_not_allowed` */
export function checkClientMayExchange(client: Client, { identityProvider }: VerifiedAssertion): void {
  if (client.identityProviders?.has(identityProvider.name) === false) throw new TokenRejected('client_not_allowed')
}
