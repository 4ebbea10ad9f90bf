import { TokenRejected } from '../errors/rejections.js'
import type { IdentityProvider } from './identity-provider.js'

/** @throws TokenRejected `identity_provider_disabled` */
export function checkEnabled({ trust }: Pick<IdentityProvider, 'trust'>): void {
  if (!trust.isOn) throw new TokenRejected('identity_provider_disabled')
}
