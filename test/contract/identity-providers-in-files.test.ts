import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, it } from '@jest/globals'
import { FileIdentityProviderStore } from '../../src/file-store/index.js'
import { identityProviderStoreContract } from '../../src/testing/index.js'

describe.each(['json', 'toml'] as const)('the identity provider store in %s files', (format) => {
  const directory = mkdtempSync(join(tmpdir(), `registrations-${format}-`))
  afterAll(() => rmSync(directory, { recursive: true }))

  const makeStore = () => new FileIdentityProviderStore(directory, { format })
  let last: Promise<void> = Promise.resolve()
  // The formats at the same time, because they wait for the disk, but the cases of each in turn.
  for (const { name, run } of identityProviderStoreContract(makeStore)) {
    it.concurrent(name, () => {
      const result = last.then(run)
      last = result.catch(() => {})
      return result
    }, 180_000)
  }
})
