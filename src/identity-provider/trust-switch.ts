import { TokenRejected } from '../errors/rejections.js'
import type { ExchangeEventEmitter } from '../events/exchange-events.js'

/**
 * Whether one identity provider is trusted now. It outlives a change of the options. Switching it off also affects running
 * requests, and a change of the options does not switch it on again.
 */
export class TrustSwitch {
  #isOn = true
  #isOffAtRunTime = false

  get isOn(): boolean {
    return this.#isOn
  }

  /** Sets the value of the options. `true` has no effect if the switch was turned off at run time. */
  configure(enabled: boolean): void {
    this.#isOn = enabled && !this.#isOffAtRunTime
  }

  /** Turns it at run time. */
  switch(isOn: boolean): void {
    this.#isOn = isOn
    this.#isOffAtRunTime = !isOn
  }
}

/** Turns a switch at run time, and reports it if that changes anything. */
export function switchTrust(name: string, trust: TrustSwitch, isOn: boolean, events: ExchangeEventEmitter): void {
  const wasOn = trust.isOn
  trust.switch(isOn)
  if (wasOn === isOn) return
  events.emit(isOn ? 'identity_provider.enabled' : 'identity_provider.disabled', { identityProvider: name })
}

/** @throws TokenRejected `identity_provider_disabled` */
export function checkEnabled({ trust }: { trust: TrustSwitch }): void {
  if (!trust.isOn) throw new TokenRejected('identity_provider_disabled')
}
