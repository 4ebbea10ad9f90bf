import { describe, it } from '@jest/globals'
import { MemoryRevocationStore } from '../../src/index.js'
import { revocationStoreContract } from '../../src/testing/index.js'

describe('the memory revocation store', () => {
  const store = new MemoryRevocationStore()
  for (const { name, run } of revocationStoreContract(() => store)) it.concurrent(name, run)
})
