import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { FileIdentityProviderStore } from '../../src/file-store/index.js'
import { codeBlocks } from '../support/document-code.js'
import { createDocumentSnippets } from '../support/document-snippets.js'
import { TestDirectory } from '../support/registration-directory.js'

const SECTION = ['docs/multi-tenant.md', 'A directory of files'] as const
const [CODE = ''] = codeBlocks(SECTION[0], 'js', SECTION[1])
const [TOML = ''] = codeBlocks(SECTION[0], 'toml', SECTION[1])

let directory: TestDirectory
beforeEach(() => {
  directory = new TestDirectory()
})
afterEach(() => directory.remove())

describe('the section about a directory of files of docs/multi-tenant.md', () => {
  it('registers an identity provider', async () => {
    const snippets = createDocumentSnippets()
    const path = join(directory.path, 'identity-providers')
    mkdirSync(path)
    try {
      await snippets.run(CODE.replace("'identity-providers'", JSON.stringify(path)), {}, 'store')
    } finally {
      snippets.remove()
    }
    const stored = await new FileIdentityProviderStore(path).find('https://login.acme.example')
    expect(stored).toMatchObject([{ id: 'acme', displayName: 'Acme Inc.' }])
  })

  it('has a TOML file that says the same', async () => {
    directory.write('acme.toml', TOML)
    const {
      revision: _,
      updatedAt: __,
      ...registration
    } = (await directory.open({ env: { ACME_KEY: 'k' } }).get('acme')) ?? {}
    expect(registration).toEqual({
      ...{ id: 'acme', displayName: 'Acme Inc.', name: 'https://login.acme.example', discovery: true },
      ...{ allowedSubjects: ['service-*'], scopes: ['orders:read'], headers: { 'X-Api-Key': 'k' } },
    })
  })
})
