import { describe, it } from '@jest/globals'
import { MemoryReplayStore } from '../../src/index.js'
import { replayStoreContract } from '../../src/testing/index.js'

describe('the memory replay store', () => {
  const store = new MemoryReplayStore()
  for (const { name, run } of replayStoreContract(() => store)) it.concurrent(name, run)
})
