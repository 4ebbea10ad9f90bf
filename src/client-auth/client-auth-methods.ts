import { type ClientAssertionDeps, createClientAssertionMethods } from './client-assertion.js'
import type { ClientAuthMethod } from './client-auth-method.js'
import { type ClientCertificateDeps, createClientCertificateMethods } from './client-certificate-methods.js'
import type { ClientCredential } from './client-credential.js'
import type { Client } from './client-options.js'
import { CLIENT_SECRET_BASIC, CLIENT_SECRET_POST } from './client-secret-methods.js'

/**
 * The methods that are on, in the order in which the metadata list them: those by which a registered client can authenticate.
 * Of clients that are looked up nothing is known before, so every method is on for them.
 *
 * @param clients undefined if clients are looked up
 */
export function createClientAuthMethods(
  clients: readonly Client[] | undefined,
  deps: ClientAssertionDeps & ClientCertificateDeps,
): ClientAuthMethod[] {
  const kinds = clients && new Set(clients.map(({ credential }) => credential?.kind))
  const isOn = (kind: ClientCredential['kind']) => kinds?.has(kind) !== false
  const methods = [
    ...[CLIENT_SECRET_BASIC, CLIENT_SECRET_POST],
    ...createClientAssertionMethods(deps),
    ...createClientCertificateMethods(deps),
  ]
  // Methods of one name do the same.
  const byName = new Map(methods.filter(({ credentialKind }) => isOn(credentialKind)).map((each) => [each.name, each]))
  return [...byName.values()]
}
