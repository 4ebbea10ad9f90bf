import { FailureLimiter } from '../client-auth/failure-limiter.js'
import { systemTimers } from '../clock/timers.js'
import { ExchangeEventEmitter } from '../events/exchange-events.js'
import { TrustSwitches } from '../identity-provider/trust-switches.js'
import { fetchJwks } from '../jwks/fetch-jwks.js'
import { fetchMetadata } from '../jwks/fetch-metadata.js'
import { JwksClientPool } from '../jwks/jwks-client-pool.js'
import { createReplayProtection, type ReplayProtection, reportUnsharedStore } from '../replay/replay-protection.js'
import { CertificateWarnings } from '../verification-keys/certificate-warnings.js'
import type { CompleteSettings, JwtExchangeSettings } from './options.js'

/** What lasts as long as the exchange, even if the options change. */
export interface LastingParts {
  events: ExchangeEventEmitter
  replayProtection: ReplayProtection
  failureLimiter: FailureLimiter
  /** Includes providers that are no longer registered. */
  trustSwitches: TrustSwitches
  certificateWarnings: CertificateWarnings
  jwksClients: JwksClientPool
}

export function createLastingParts({ clock, replay, clientAuthentication }: JwtExchangeSettings): LastingParts {
  const events = new ExchangeEventEmitter()
  const certificateWarnings = new CertificateWarnings({ clock, events })
  return {
    events,
    replayProtection: createReplayProtection(replay, { clock, events }),
    failureLimiter: new FailureLimiter(clientAuthentication, clock),
    trustSwitches: new TrustSwitches(),
    certificateWarnings,
    jwksClients: new JwksClientPool({
      clock,
      timers: systemTimers,
      random: Math.random,
      events,
      certificateWarnings,
      fetchJwks,
      fetchMetadata,
    }),
  }
}

/** Reports what is at risk by the options alone. To be called so late that a listener attached right after creation hears it. */
export function reportRisks({ accessToken, replay }: CompleteSettings, events: ExchangeEventEmitter): void {
  if (accessToken.isKeyGenerated) events.emit('signing_key.generated', { kid: accessToken.signingKeys.active.kid })
  reportUnsharedStore(replay, events)
}
