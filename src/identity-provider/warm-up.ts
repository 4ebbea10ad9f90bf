import { pause, type Timers, within } from '../clock/timers.js'
import { printable } from '../errors/printable.js'
import { DependencyUnavailable } from '../errors/rejections.js'
import type { FetchFailure } from '../guarded-fetch/fetch-error.js'
import { OptionReader } from '../option-checks/option-reader.js'
import type { IdentityProvider } from './identity-provider.js'
import type { IdentityProviderRegistry } from './identity-provider-registry.js'

/**
 * Options of `exchange.ready`.
 *
 * @example
 * await exchange.ready({ failFast: true })
 */
export interface ReadyOptions {
  /**
   * Reject with a `DependencyUnavailable` if an identity provider has no usable keys afterwards. Its cause names all such
   * identity providers. Default: false, so that the service starts even if an identity provider is down.
   */
  failFast?: boolean
  /**
   * Milliseconds, 0 to 60 000, over which the fetches are spread at random. Use it if many processes start together.
   * Default: 0.
   */
  spread?: number
}

interface WarmUpDeps {
  timers: Timers
  random: () => number
  /** Settles when it is known which identity providers are switched off, and which access tokens are revoked. */
  known?: Promise<unknown> | undefined
}

/** The time limit, in addition to `spread`. A slower fetch continues in the background. */
const MAX_WARM_UP_MS = 5000

/**
 * Fetches the key sets of all enabled identity providers that are not fresh, all at once.
 *
 * @throws ConfigError for unknown or wrong options
 * @throws DependencyUnavailable with `failFast`
 */
export async function warmUp(
  identityProviders: Iterable<IdentityProvider>,
  options: ReadyOptions,
  { timers, random, known }: WarmUpDeps,
): Promise<void> {
  const { failFast, spread } = readOptions(options)
  const enabled = [...identityProviders].filter(({ trust }) => trust.isOn)
  const fetches = enabled.map(async ({ keySource }) => {
    if (spread > 0) await pause(random() * spread, timers)
    await keySource.warmUp()
  })
  await within(spread + MAX_WARM_UP_MS, Promise.all([known, ...fetches]), timers)
  if (failFast) checkAllUsable(enabled)
}

/**
 * Fetches the keys of one identity provider, even if they are fresh. If the options change meanwhile and give it another
 * source of keys, these keys are fetched as well, even if the first fetch failed.
 *
 * @throws ConfigError if no identity provider has this id
 * @throws DependencyUnavailable if the fetch fails
 */
export async function refreshKeys(id: string, registry: () => IdentityProviderRegistry): Promise<IdentityProvider> {
  for (;;) {
    const identityProvider = registry().require(id)
    const failure: unknown = await identityProvider.keySource.refreshKeys().catch((error: unknown) => error)
    if (registry().require(id).keySource !== identityProvider.keySource) continue
    if (failure !== undefined) throw failure
    return identityProvider
  }
}

function readOptions(options: ReadyOptions) {
  const reader = new OptionReader(options, ['ready'])
  const failFast = reader.boolean('failFast', false)
  const spread = reader.integer('spread', { min: 0, max: 60_000, default: 0, unit: 'milliseconds' })
  reader.refuseUnknown()
  reader.throwProblems()
  return { failFast, spread }
}

function checkAllUsable(identityProviders: readonly IdentityProvider[]): void {
  const unusable = identityProviders.flatMap(({ id, keySource }) => {
    const { state, servesFor, lastFailure } = keySource.stats()
    return state === 'down' || state === 'never' || servesFor === 0
      ? [`${printable(id)}: ${lastFailure === undefined ? 'no answer yet' : describeFailure(lastFailure)}`]
      : []
  })
  if (unusable.length === 0) return
  throw new DependencyUnavailable('jwks_unavailable', { cause: new Error(unusable.join('; ')) })
}

function describeFailure({ reason, code, url, detail }: FetchFailure): string {
  const why = code === undefined ? reason : `${reason} ${code}`
  return [why, url, detail].filter((text) => text !== undefined).join(', ')
}
