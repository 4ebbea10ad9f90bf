import { FailureLimiter } from '../client-auth/failure-limiter.js'
import type { Clock } from '../clock/clock.js'
import { systemTimers } from '../clock/timers.js'
import { ExchangeEventEmitter } from '../events/exchange-events.js'
import { TrustSwitches } from '../identity-provider/trust-switches.js'
import { IdentityProviderLookup } from '../identity-provider-lookup/identity-provider-lookup.js'
import { fetchJwks } from '../jwks/fetch-jwks.js'
import { fetchMetadata } from '../jwks/fetch-metadata.js'
import { JwksClientPool } from '../jwks/jwks-client-pool.js'
import { createReplayProtection, type ReplayProtection, reportUnsharedStore } from '../replay/replay-protection.js'
import { Revocations } from '../revocation/revocations.js'
import { reportStoreRisk, reportUnsharedRevocations } from '../revocation/store-risks.js'
import { CertificateWarnings } from '../verification-keys/certificate-warnings.js'
import type { CompleteSettings, JwtExchangeSettings } from './options.js'

/** What lasts as long as those who are trusted may change: also what a resource server has. */
export interface LastingTrust {
  events: ExchangeEventEmitter
  /** Includes providers that are no longer registered. */
  trustSwitches: TrustSwitches
  certificateWarnings: CertificateWarnings
  jwksClients: JwksClientPool
  /** Aborted when all of it ends: questions to introspection endpoints end with it. */
  closing: AbortController
}

/** What lasts as long as the exchange, even if the options change. */
export interface LastingParts extends LastingTrust {
  replayProtection: ReplayProtection
  /** undefined: no access token can be revoked. */
  revocations: Revocations | undefined
  failureLimiter: FailureLimiter
  /** undefined: there are no other identity providers than those in the options. */
  identityProviderLookup: IdentityProviderLookup | undefined
}

export function createLastingParts(settings: JwtExchangeSettings): LastingParts {
  const { clock, replay, revocation, clientAuthentication, identityProviderLookup } = settings
  const trust = createLastingTrust(clock)
  const { events, certificateWarnings, jwksClients } = trust
  const deps = { clock, timers: systemTimers, events, certificateWarnings }
  return {
    ...trust,
    replayProtection: createReplayProtection(replay, { clock, events }),
    revocations: revocation.isOn ? new Revocations(revocation, { clock, events }) : undefined,
    failureLimiter: new FailureLimiter(clientAuthentication, clock),
    identityProviderLookup:
      identityProviderLookup && new IdentityProviderLookup(identityProviderLookup, { ...deps, jwksClients }),
  }
}

export function createLastingTrust(clock: Clock): LastingTrust {
  const events = new ExchangeEventEmitter()
  const certificateWarnings = new CertificateWarnings({ clock, events })
  const deps = { clock, timers: systemTimers, events, certificateWarnings }
  return {
    events,
    trustSwitches: new TrustSwitches(),
    certificateWarnings,
    jwksClients: new JwksClientPool({ ...deps, random: Math.random, fetchJwks, fetchMetadata }),
    closing: new AbortController(),
  }
}

/**
 * Reports what is at risk by the options alone, and follows the registrations at run time. To be called so late that a listener
 * attached right after creation hears it.
 */
export function begin(
  { accessToken, replay, revocation }: CompleteSettings,
  { events, identityProviderLookup, revocations }: LastingParts,
): void {
  void identityProviderLookup?.start()
  void revocations?.start().then(() => reportStoreRisk(revocation, events))
  if (accessToken.isKeyGenerated) events.emit('signing_key.generated', { kid: accessToken.signingKeys.active.kid })
  reportUnsharedStore(replay, events)
  reportUnsharedRevocations(revocation, events)
}

export function close({ identityProviderLookup, revocations, ...trust }: LastingParts): void {
  closeTrust(trust)
  revocations?.close()
  identityProviderLookup?.close()
}

export function closeTrust({ jwksClients, closing }: Pick<LastingTrust, 'jwksClients' | 'closing'>): void {
  jwksClients.close()
  closing.abort()
}
