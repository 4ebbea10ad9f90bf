import { TokenRejected } from '../errors/rejections.js'
import type { IdentityProvider } from './identity-provider.js'

/** @throws TokenRejected `identity_provider_disabled` */
export function checkEnabled({ enabled }: IdentityProvider): void {
  if (!enabled) throw new TokenRejected('identity_provider_disabled')
}
