import type { Client } from '../client-auth/client.js'
import type { IdentityProviderSettings } from '../identity-provider/identity-provider-options.js'
import { checkOptions, type JwtExchangeOptions } from '../options.js'

/** What can be configured in a file, but obtains nothing, so that something else was meant most likely. */
export function findDoubtful(options: JwtExchangeOptions): string[] {
  const { clients, identityProviders } = checkOptions(options)
  const scopesOfClients = new Set(clients.flatMap(({ scopes }) => scopes))
  return [
    ...clients.flatMap(doubtsOfClient),
    ...identityProviders.flatMap((each) => doubtsOfProvider(each, scopesOfClients)),
    ...options.identityProviders.flatMap(doubtsOfGroups),
  ]
}

function doubtsOfClient({ clientId, identityProviders, grantTypes }: Client): string[] {
  return [
    ...(identityProviders?.size === 0
      ? [`client ${clientId}: identity_providers is empty: it may exchange nothing`]
      : []),
    ...(grantTypes?.size === 0 ? [`client ${clientId}: grant_types is empty: it may exchange nothing`] : []),
  ]
}

function doubtsOfProvider(
  { name, scopes, policy }: IdentityProviderSettings,
  scopesOfClients: ReadonlySet<string>,
): string[] {
  return policy.bindings.flatMap((binding) =>
    [...binding.scopes].flatMap((scope) => {
      const about = `${name}: grant ${binding.name}: scope ${scope}`
      return [
        ...(scopes?.has(scope) === false ? [`${about} is none of the scopes of the identity provider`] : []),
        ...(scopesOfClients.has(scope) ? [] : [`${about} is in the scopes of no client`]),
      ]
    }),
  )
}

function doubtsOfGroups({ name, groupsToScopes = {} }: JwtExchangeOptions['identityProviders'][number]): string[] {
  const patterns = Object.keys(groupsToScopes).filter((group) => group.includes('*'))
  return patterns.map((group) => `${name}: group ${group} is compared exactly: * is no pattern in it`)
}
