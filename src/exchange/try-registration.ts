import { fieldOf } from '../errors/field-of.js'
import { createKeySource } from '../identity-provider/create-identity-providers.js'
import type { IdentityProviderSettings } from '../identity-provider/identity-provider-options.js'
import type { RunTimeConfiguration } from '../identity-provider-lookup/loaded-issuer.js'
import { readRegistrations } from '../identity-provider-lookup/read-registrations.js'
import type { IdentityProviderStore } from '../identity-provider-store/identity-provider-store.js'
import { isStorableName } from '../identity-provider-store/storable-registration.js'
import type { JwksSource } from '../jwks/jwks-source.js'
import {
  ConfigError,
  type ConfigProblem,
  IN_CODE,
  type OptionProblem,
  writeProblem,
} from '../option-checks/config-error.js'
import type { KeySourceStats } from '../verification-keys/key-source.js'
import type { LastingParts } from './lasting-parts.js'

export interface TryRegistrationDeps {
  configuration: RunTimeConfiguration
  store: IdentityProviderStore | undefined
  lasting: Pick<LastingParts, 'jwksClients'>
  clock: Parameters<typeof createKeySource>[1]['clock']
}

/** What an entry would have as an identity provider. */
export interface TriedIdentityProvider {
  settings: IdentityProviderSettings
  keys: KeySourceStats
}

/**
 * What is wrong with an entry, alone and together with those of the options and of the store that have its name.
 *
 * @throws whatever the store throws
 */
export async function checkRegistration(
  entry: unknown,
  { configuration, store }: Pick<TryRegistrationDeps, 'configuration' | 'store'>,
): Promise<readonly ConfigProblem[]> {
  const { id, name } = { id: fieldOf(entry, 'id'), name: fieldOf(entry, 'name') }
  const stored = store !== undefined && isStorableName(name) ? await store.find(name) : []
  const others = stored.filter((each) => each.id !== id && each.name === name)
  return readRegistrations([entry, ...others], configuration)
    .problems.filter(isOfFirst)
    .map(relativeToEntry)
}

/**
 * Fetches the keys of an entry once, with clients of its own.
 *
 * @throws ConfigError if the entry is invalid
 */
export async function tryRegistration(entry: unknown, deps: TryRegistrationDeps): Promise<TriedIdentityProvider> {
  const { configuration, lasting, clock } = deps
  const { settings: all, problems } = readRegistrations([entry], configuration)
  const [settings] = all
  if (settings === undefined || problems.length > 0) throw new ConfigError(problems.map(relativeToEntry))
  const trial = lasting.jwksClients.createTrial()
  const clientFor = (source: JwksSource) => trial.clients.lease(source, configuration.jwksSettings).client
  const { certificateWarnings } = trial
  const keySource = createKeySource(settings, { jwksClients: { clientFor }, clock, certificateWarnings })
  try {
    await keySource.refreshKeys().catch(() => {}) // The statistics say why.
    return { settings, keys: keySource.stats() }
  } finally {
    trial.clients.endAll()
  }
}

function isOfFirst({ path }: OptionProblem): boolean {
  return path[0] === 0 || path.length === 0
}

function relativeToEntry(problem: OptionProblem): ConfigProblem {
  const { path, ...written } = writeProblem(problem, IN_CODE)
  return { ...written, path: path.slice(1) }
}
