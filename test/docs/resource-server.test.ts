import { readFileSync } from 'node:fs'
import { describe, expect, it } from '@jest/globals'
import { createResourceServer, type IdentityProviderOptions } from '../../src/index.js'
import { readResourceServerOptions } from '../../src/resource-server/resource-server-options.js'
import { codeBlocks } from '../support/document-code.js'
import { startExchangeHost } from '../support/exchange-host.js'
import { optionsAskedFor } from '../support/option-tree.js'

const PAGE = readFileSync('docs/resource-server.md', 'utf8')
const ONE = { issuer: 'https://auth.example.com', audience: 'https://api.example.com' }
const TWO = { issuers: [ONE, { ...ONE, issuer: 'https://other.example.com' }], subject: 'raw' }
const INTROSPECTION = { endpoint: 'https://auth.example.com/introspect', clientId: 'api', clientSecret: 'secret' }
const OPAQUE = { ...ONE, opaque: true, introspection: INTROSPECTION }
/** Of an object of their own, which other pages describe. */
const ELSEWHERE = /^(?:jwksEndpoint|hostFunctions)\./

function objectIn(code: string): string {
  return code.replace(/^[\s\S]*?(?:createResourceServer\(|= )(?=[{[])/, '').replace(/\)?\s*$/, '')
}

function evaluate(code: string): unknown {
  return new Function(`return (${objectIn(code)})`)()
}

describe('docs/resource-server.md', () => {
  const blocks = codeBlocks('docs/resource-server.md', 'js')

  it('has options that a resource server accepts', () => {
    const examples = blocks.filter((code) => /^const resourceServer = createResourceServer\(\{/.test(code))
    expect(examples).toHaveLength(4)
    for (const code of examples) createResourceServer(evaluate(code) as typeof ONE).close()
  })

  it('has an entry that an exchange accepts', async () => {
    const [code = ''] = blocks.filter((each) => each.includes('accessTokens:'))
    const [entry] = evaluate(code) as IdentityProviderOptions[]
    const host = await startExchangeHost({ exchange: { identityProviders: entry === undefined ? [] : [entry] } })
    await host.close()
  })

  it('names every option in its tables, and no other', () => {
    const asked = optionsAskedFor(() => [ONE, TWO, OPAQUE].map((options) => readResourceServerOptions(options)))
    const own = [...asked]
      .filter((name) => !ELSEWHERE.test(name) && !name.endsWith('tenants'))
      .map((name) => name.replace(/^(?:issuers\.\*|introspection)\./, ''))
    const rows = [...PAGE.matchAll(/^\| (`.*?) \|/gm)].flatMap(([, cell = '']) =>
      [...cell.matchAll(/`(\w+)`/g)].map(([, name = '']) => name),
    )
    expect([...new Set(rows)].sort()).toEqual([...new Set(own)].sort())
  })
})
