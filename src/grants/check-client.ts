import type { VerifiedAssertion } from '../assertion/verified-assertion.js'
import type { Client } from '../client-auth/client.js'
import type { FindClient } from '../client-auth/find-client.js'
import { TokenRejected } from '../errors/rejections.js'

/** @throws TokenRejected `client_not_allowed` */
export function checkClientMayExchange(client: Client, { identityProvider }: VerifiedAssertion): void {
  if (client.identityProviders?.has(identityProvider.name) === false) throw new TokenRejected('client_not_allowed')
}

/**
 * RFC 9700 §4.15: a resource server must not take a user for a client.
 *
 * @throws TokenRejected `subject_is_client_id`
 */
export async function checkSubjectIsNoClient(subject: string, findClient: FindClient): Promise<void> {
  if ((await findClient(subject)) !== undefined) throw new TokenRejected('subject_is_client_id')
}
