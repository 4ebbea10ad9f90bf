import type { Clock } from '../clock/clock.js'
import type { HostFunctions } from '../host-functions/host-functions.js'
import type { ChosenJwksClients } from '../jwks/jwks-client-pool.js'
import { createPolicy } from '../policy/policy.js'
import { createMapSubject } from '../policy/subject-mapping.js'
import type { CertificateWarnings } from '../verification-keys/certificate-warnings.js'
import { CertificateKeySource, FixedKeySource } from '../verification-keys/configured-key-sources.js'
import { KeySet } from '../verification-keys/key-set.js'
import type { KeyOwner, VerificationKeySource } from '../verification-keys/key-source.js'
import type { AcceptedAccessTokenSettings } from './accepted-access-tokens.js'
import { type AcceptedAccessTokens, type IdentityProvider, TenantTrust } from './identity-provider.js'
import type { IdentityProviderSettings } from './identity-provider-options.js'
import { identityOfTenant } from './tenants.js'
import type { TrustSwitches } from './trust-switches.js'

export interface IdentityProviderDeps {
  jwksClients: Pick<ChosenJwksClients, 'clientFor'>
  clock: Clock
  hostFunctions: HostFunctions
  certificateWarnings: CertificateWarnings
  trustSwitches: Pick<TrustSwitches, 'switchOf' | 'find'>
}

type Keys = NonNullable<IdentityProviderSettings['keys']>

/**
 * Gives each identity provider the source of its keys and its switch. Until the registry puts them in force, no switch is
 * changed or added, and nothing is fetched or reported.
 */
export function createIdentityProviders(
  settings: readonly IdentityProviderSettings[],
  source: IdentityProvider['source'],
  deps: IdentityProviderDeps,
): IdentityProvider[] {
  return settings.map((each) => {
    const trust = deps.trustSwitches.switchOf(each.id)
    const keySource = createKeySource(each, deps)
    const base = createIdentityProvider(each, { source, trust, keySource, ofTenant: undefined }, deps)
    return each.tenants === 'any' ? { ...base, ofTenant: (tenant) => createTenant(each, base, tenant, deps) } : base
  })
}

function createIdentityProvider(
  settings: IdentityProviderSettings,
  others: Pick<IdentityProvider, 'source' | 'trust' | 'keySource' | 'ofTenant'>,
  { hostFunctions }: IdentityProviderDeps,
): IdentityProvider {
  const { id, name, registration, alias, audiences, clientAuthentication, scopes, lifetime, maxBeyondAssertion } =
    settings
  const { types, limits, policy, subject, accessTokens } = settings
  const identityProvider = {
    id,
    name,
    registration,
    alias,
    audiences,
    clientAuthentication,
    scopes,
    lifetime,
    maxBeyondAssertion,
    types,
    limits,
    policy: createPolicy(policy, id, hostFunctions),
    mapSubject: createMapSubject(subject, id, hostFunctions),
    accessTokens: undefined,
    ...others,
  }
  if (accessTokens === undefined) return identityProvider
  return {
    ...identityProvider,
    accessTokens: createAcceptedAccessTokens(accessTokens, identityProvider, hostFunctions),
  }
}

function createAcceptedAccessTokens(
  settings: AcceptedAccessTokenSettings,
  identityProvider: IdentityProvider,
  hostFunctions: HostFunctions,
): AcceptedAccessTokens {
  const { audiences, types, limits, scopes, mayLackType, scopeClaims, accessTokenClaims } = settings
  const { introspection, isOpaque } = settings
  const policy = createPolicy(settings.policy, identityProvider.id, hostFunctions)
  return {
    issuer: { ...identityProvider, audiences, types, limits, scopes, policy },
    mayLackType,
    scopeClaims,
    accessTokenClaims,
    introspection,
    isOpaque,
  }
}

/** Of the same keys and policy as the others, but with its own name, id and switch. */
function createTenant(
  settings: IdentityProviderSettings,
  base: IdentityProvider,
  tenant: string,
  deps: IdentityProviderDeps,
): IdentityProvider {
  const { source, keySource, trust: ofAll } = base
  const identity = identityOfTenant(settings, tenant)
  const trust = new TenantTrust(ofAll, () => deps.trustSwitches.find(identity.id))
  return createIdentityProvider({ ...settings, ...identity }, { source, trust, keySource, ofTenant: undefined }, deps)
}

/** Warns of configured certificates that expire, even if no request uses their keys. */
export function warnOfCertificates(
  settings: readonly IdentityProviderSettings[],
  certificateWarnings: CertificateWarnings,
): void {
  for (const { id, keys } of settings) {
    if (keys !== undefined && areGivenBy('certificates', keys)) {
      certificateWarnings.check(keys.certificates, [ownerOf(id)])
    }
  }
}

export function createKeySource(
  { id, alias, keys }: Pick<IdentityProviderSettings, 'id' | 'alias' | 'keys'>,
  {
    jwksClients,
    clock,
    certificateWarnings,
  }: Pick<IdentityProviderDeps, 'jwksClients' | 'clock' | 'certificateWarnings'>,
): VerificationKeySource {
  if (keys === undefined) return new FixedKeySource(new KeySet([])) // Of a disabled identity provider only.
  if (areGivenBy('jwksUri', keys)) return jwksClients.clientFor({ owner: ownerOf(id), alias, ...keys })
  if (areGivenBy('keySet', keys)) return new FixedKeySource(keys.keySet)
  return new CertificateKeySource(keys.certificates, { owner: ownerOf(id), clock, certificateWarnings })
}

/** By a member of their own: `in` also finds what another library has added to `Object.prototype`. */
function areGivenBy<Member extends string>(
  member: Member,
  keys: Keys,
): keys is Extract<Keys, Readonly<Record<Member, unknown>>> {
  return Object.hasOwn(keys, member)
}

function ownerOf(id: string): KeyOwner {
  return { kind: 'identity_provider', name: id }
}
