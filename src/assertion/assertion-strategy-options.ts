import type { OptionReader } from '../option-checks/option-reader.js'

/** How `exchange.assertionStrategy` judges requests, whose callers have no credentials but their assertion. */
export interface AssertionStrategyOptions {
  /**
   * `true`: an assertion by an unknown key, or before the first key set has come, waits until that is fetched. Then whoever
   * sends forged assertions learns by the time which identity providers are trusted, and in an outage by 503. `false`: it is
   * refused at once with 401 and the keys are fetched in the background, so that the next request finds them;
   * `await exchange.ready()` before the first request. The token endpoint always waits. Default: false.
   */
  waitForKeys?: boolean
}

export type AssertionStrategySettings = Required<AssertionStrategyOptions>

export function checkAssertionStrategyOptions(reader: OptionReader): AssertionStrategySettings {
  const settings = { waitForKeys: reader.boolean('waitForKeys', false) }
  reader.refuseUnknown()
  return settings
}
