import { describe, it } from '@jest/globals'
import { identityProviderStoreContract } from '../../src/testing/index.js'
import { MemoryIdentityProviderStore, SharedRegistrations } from '../support/memory-identity-provider-store.js'

describe('an identity provider store in memory', () => {
  const shared = new SharedRegistrations()
  for (const { name, run } of identityProviderStoreContract(() => new MemoryIdentityProviderStore(shared)))
    it(name, run, 30_000)
})
