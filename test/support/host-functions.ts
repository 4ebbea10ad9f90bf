import { systemTimers } from '../../src/clock/timers.js'
import { ExchangeEventEmitter } from '../../src/events/exchange-events.js'
import { HostFunctions } from '../../src/host-functions/host-functions.js'

/** With the default bounds. */
export const hostFunctions = new HostFunctions(
  { timeout: 1000, maxConcurrent: 1000 },
  { timers: systemTimers, events: new ExchangeEventEmitter() },
)
