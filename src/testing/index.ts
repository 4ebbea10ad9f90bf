export type {
  CheckedChange,
  CheckedIdentityProviderStore,
  CheckedRegistration,
  CheckedStoredRegistration,
} from './checked-provider-store.js'
export type { CheckedRevocation, CheckedRevocationPage, CheckedRevocationStore } from './checked-revocation-store.js'
export type { FaultKind } from './fake-faults.js'
export { FakeIdentityProvider, type FakeIdentityProviderOptions } from './fake-identity-provider.js'
export { type FakeKey, generateFakeKey, type SigningAlgorithm, signAssertion } from './fake-keys.js'
export { type IdentityProviderStoreCase, identityProviderStoreContract } from './identity-provider-store-contract.js'
export { type CheckedReplayStore, type ReplayStoreCase, replayStoreContract } from './replay-store-contract.js'
export { type RevocationStoreCase, revocationStoreContract } from './revocation-store-contract.js'
