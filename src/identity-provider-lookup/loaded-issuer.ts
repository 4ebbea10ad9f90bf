import { fieldOf } from '../errors/field-of.js'
import { createIdentityProviders, type IdentityProviderDeps } from '../identity-provider/create-identity-providers.js'
import { acceptorOf } from '../identity-provider/fixed-identity-providers.js'
import { type IdentityProvider, TrustSwitch } from '../identity-provider/identity-provider.js'
import type { AcceptorOfIssuer } from '../identity-provider/run-time-identity-providers.js'
import type { JwksClientPool } from '../jwks/jwks-client-pool.js'
import type { JwksEndpointSettings } from '../jwks/jwks-endpoint-options.js'
import type { JwksSource } from '../jwks/jwks-source.js'
import type { JwksClientLease } from '../jwks/leased-jwks-clients.js'
import type { OptionProblem } from '../option-checks/config-error.js'
import { type RegistrationContext, readRegistrations } from './read-registrations.js'

/** What entries become, under one configuration. */
export interface RunTimeConfiguration extends RegistrationContext {
  jwksSettings: JwksEndpointSettings
  hostFunctions: IdentityProviderDeps['hostFunctions']
}

export interface LoadedIssuerDeps extends Pick<IdentityProviderDeps, 'clock' | 'certificateWarnings'> {
  jwksClients: Pick<JwksClientPool, 'lease'>
}

/** All entries of one issuer, ready for use. */
export interface LoadedIssuer {
  /** As they were found. */
  entries: readonly unknown[]
  configuration: RunTimeConfiguration
  /** undefined: the entries cannot be used. */
  acceptor: AcceptorOfIssuer | undefined
  /** With what the option `enabled` of each says. None if the entries cannot be used. */
  providers: readonly { provider: IdentityProvider; isEnabled: boolean }[]
  problems: readonly OptionProblem[]
  /** Whether they cannot be used only because an issuer with another name has an id of theirs. */
  hasSharedId?: boolean
  /** Ends its JWKS clients, unless others use them. */
  end(): void
}

/**
 * Makes the identity providers of one issuer. Those that were there before keep their switches, and with the same alias and
 * endpoint their keys, so `before` must end after this.
 */
export function loadIssuer(
  entries: readonly unknown[],
  before: LoadedIssuer | undefined,
  configuration: RunTimeConfiguration,
  deps: LoadedIssuerDeps,
): LoadedIssuer {
  const { settings, problems } = readRegistrations(entries, configuration)
  const unusable = { entries, configuration, acceptor: undefined, providers: [], problems, end: () => {} }
  if (problems.length > 0) return unusable
  const leases: JwksClientLease[] = []
  const { jwksSettings, hostFunctions } = configuration
  const clientFor = (source: JwksSource) => {
    const lease = deps.jwksClients.lease(source, jwksSettings)
    leases.push(lease)
    return lease.client
  }
  const providers = createIdentityProviders(settings, 'run_time', {
    ...deps,
    jwksClients: { clientFor },
    hostFunctions,
    trustSwitches: { switchOf: (id) => switchOf(id, before), find: () => undefined },
  })
  return {
    entries,
    configuration,
    acceptor: acceptorOf(providers),
    providers: providers.map((provider, index) => ({ provider, isEnabled: settings[index]?.enabled === true })),
    problems,
    end: () => {
      for (const lease of leases) lease.end()
    },
  }
}

function switchOf(id: string, before: LoadedIssuer | undefined): TrustSwitch {
  return before?.providers.find(({ provider }) => provider.id === id)?.provider.trust ?? new TrustSwitch()
}

/** When somebody last asked for the latest keys of an entry, in seconds since the epoch. */
export function keysRefreshedAt(loaded: LoadedIssuer, id: string): number {
  const entry = loaded.entries.find((each) => fieldOf(each, 'id') === id)
  const at = fieldOf(entry, 'keysRefreshedAt')
  return typeof at === 'number' ? at : 0
}
