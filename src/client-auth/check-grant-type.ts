import { OAuthError } from '../oauth/errors.js'
import type { Client } from './client.js'

/** @throws OAuthError `unauthorized_client` */
export function checkGrantType(client: Client, grantType: string): void {
  if (client.grantTypes?.has(grantType) === false) {
    throw new OAuthError('unauthorized_client', 'The client may not use this grant type')
  }
}
