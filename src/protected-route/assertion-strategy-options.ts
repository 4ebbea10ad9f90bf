import type { OptionReader } from '../option-checks/option-reader.js'

/**
 * How `exchange.assertionStrategy` judges requests. Its callers have no credentials except their assertion.
 *
 * @example
 * const assertionStrategy: AssertionStrategyOptions = { waitForKeys: true }
 */
export interface AssertionStrategyOptions {
  /**
   * What happens to an assertion with an unknown key, or before the first key set was fetched. `true`: it waits for the
   * fetch. Then a sender of forged assertions can find out which identity providers are trusted, by response times and by 503
   * in an outage. `false`: it is refused at once with 401, and the keys are fetched in the background for the next request.
   * Then call `await exchange.ready()` before the first request. The token endpoint always waits. Default: false.
   */
  waitForKeys?: boolean
}

export type AssertionStrategySettings = Required<AssertionStrategyOptions>

export function readAssertionStrategyOptions(reader: OptionReader): AssertionStrategySettings {
  const settings = { waitForKeys: reader.boolean('waitForKeys', false) }
  reader.refuseUnknown()
  return settings
}
