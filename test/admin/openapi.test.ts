import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { createOpenApi } from '../../src/admin/openapi.js'
import { OPERATIONS } from '../../src/admin/openapi-operations.js'
import { PROBLEMS } from '../../src/admin/problem.js'
import { ROUTES } from '../../src/admin/routes.js'
import { readExchangeOptions } from '../../src/exchange/options.js'
import { FakeIdentityProvider } from '../../src/testing/index.js'
import { type AdminAnswer, type AdminHost, ENTRY, startAdminHost } from '../support/admin-host.js'
import { faultsOf, type JsonSchema } from '../support/json-schema.js'
import { EXAMPLES, optionsAskedFor } from '../support/option-tree.js'

interface OperationObject {
  summary: string
  parameters: { name: string; in: string }[]
  requestBody?: { content: Record<string, { schema: JsonSchema }> }
  responses: Record<string, { description: string; content?: Record<string, { schema: JsonSchema }> }>
}

type Document = JsonSchema & {
  openapi: string
  paths: Record<string, Record<string, OperationObject>>
  components: { schemas: Record<string, { properties: Record<string, JsonSchema> }> }
}

let idp: FakeIdentityProvider
let host: AdminHost
let document: Document
/** What was asked for and answered, by operation. */
const answered: { operation: string; answer: AdminAnswer; body: unknown }[] = []

beforeAll(async () => {
  idp = await FakeIdentityProvider.start({ algorithm: 'ES256' })
  host = await startAdminHost({ admin: { allowPrivateNetworks: true } })
  document = (await host.ask('GET', '/openapi.json')).body
})
afterAll(async () => {
  await host.close()
  await idp.close()
})

/** Asks for an operation, and keeps the answer. */
async function ask(
  operation: string,
  body?: unknown,
  { id = '', query = '', headers = {} } = {},
): Promise<AdminAnswer> {
  const [method = '', template = ''] = operation.split(' ')
  const path = template.replace('{id}', encodeURIComponent(id)) + query
  const answer = await host.ask(method, path, body, headers)
  answered.push({ operation, answer, body })
  return answer
}

function operationOf(name: string): OperationObject {
  const [method = '', path = ''] = name.split(' ')
  const found = document.paths[path]?.[method.toLowerCase()]
  if (found === undefined) throw new Error(`the document has no ${name}`)
  return found
}

/** Where an answer is not as the document says. */
function undocumented(operation: string, { status, headers, text, body }: AdminAnswer): string[] {
  const described = operationOf(operation).responses[String(status)]
  if (described === undefined) return [`${operation}: ${status} is not documented`]
  const type = String(headers['content-type'] ?? '').replace(/;.*/, '')
  if (text === '') return described.content === undefined ? [] : [`${operation}: ${status} has no body`]
  const schema = described.content?.[type]?.schema
  if (schema === undefined) return [`${operation}: ${status} as ${type} is not documented`]
  return type.endsWith('json') ? faultsOf(body, schema, document, `${operation} ${status}`) : []
}

async function askAll(): Promise<void> {
  const entry = { ...ENTRY, name: idp.name, jwksUri: idp.jwksUri, network: 'any', headers: { 'X-Key': 'a-secret' } }
  const ofAcme = { id: 'acme', headers: { 'if-match': '*' } }
  for (const path of ['/', '/page.js', '/page.css', '/stats', '/openapi.json']) await ask(`GET ${path}`)
  await ask('POST /identity-providers', entry)
  await ask('GET /identity-providers')
  await ask('GET /identity-providers', undefined, { query: '?limit=1' })
  await ask('GET /identity-providers/{id}', undefined, { id: 'acme' })
  await ask('GET /identity-providers/{id}', undefined, { id: 'fixed' })
  await ask('GET /identity-providers/{id}', undefined, { id: 'acme', headers: { 'if-none-match': '"r1"' } })
  await ask('PUT /identity-providers/{id}', entry, ofAcme)
  await ask('PATCH /identity-providers/{id}', { description: 'A customer' }, ofAcme)
  for (const action of ['disable', 'enable', 'refresh-keys', 'test']) {
    await ask(`POST /identity-providers/{id}/${action}`, undefined, { id: 'acme' })
  }
  await ask('GET /identity-providers')
  await ask('GET /identity-providers/{id}/keys', undefined, { id: 'acme' })
  await ask('GET /identity-providers/{id}/keys', undefined, { id: 'fixed' })
  await ask('POST /identity-providers/check', { entry })
  await ask('POST /identity-providers/check', { entry: { ...entry, jwksUri: 5, alowedSubjects: 'any' } })
  await ask('POST /identity-providers/test', { entry })
  await ask('POST /identity-providers/discover', { issuer: idp.url, network: 'any' })
  const document = { alias: 'x', providerId: 'oidc', config: { issuer: 'https://x.example', clientSecret: 'a-secret' } }
  await ask('POST /identity-providers/import', { document })
  await ask('POST /explain', { assertion: await idp.issueAssertion(), clientId: 'app' })
  await ask('POST /explain', { assertion: 'x' })
  await idp.fault('error')
  await ask('POST /identity-providers/test', { entry })
  await ask('GET /stats')
  await ask('GET /events')
  await ask('DELETE /identity-providers/{id}', undefined, ofAcme)
}

/** Requests that are refused, each in another way. */
async function askRefused(): Promise<void> {
  await ask('POST /identity-providers', { ...ENTRY, lifetime: 'x', alowedSubjects: 'any' })
  await ask('POST /identity-providers', { ...ENTRY, id: 'fixed' })
  await ask('POST /identity-providers', '{')
  await ask('POST /identity-providers', 'x'.repeat(300_000))
  await ask('POST /identity-providers', ENTRY, { headers: { 'content-type': 'text/plain' } })
  await ask('POST /identity-providers', ENTRY, { headers: { origin: 'https://evil.example' } })
  await ask('GET /identity-providers', undefined, { query: '?limit=0' })
  await ask('GET /events', undefined, { query: '?after=x' })
  for (const method of ['PUT', 'PATCH', 'DELETE']) {
    const body = method === 'DELETE' ? undefined : ENTRY
    await host.store.put(ENTRY)
    await ask(`${method} /identity-providers/{id}`, body, { id: 'acme' })
    await ask(`${method} /identity-providers/{id}`, body, { id: 'acme', headers: { 'if-match': '"x"' } })
    await ask(`${method} /identity-providers/{id}`, body, { id: 'fixed', headers: { 'if-match': '*' } })
    await ask(`${method} /identity-providers/{id}`, body, { id: 'nobody', headers: { 'if-match': '*' } })
  }
  for (const action of ['disable', 'enable', 'refresh-keys', 'test']) {
    await ask(`POST /identity-providers/{id}/${action}`, undefined, { id: 'nobody' })
  }
  await ask('POST /identity-providers/{id}/test', undefined, { id: 'fixed' })
  await ask('GET /identity-providers/{id}', undefined, { id: 'nobody' })
  await ask('GET /identity-providers/{id}/keys', undefined, { id: 'nobody' })
  await ask('POST /identity-providers/discover', { issuer: 'http://x.example' })
  await ask('POST /identity-providers/discover', { issuer: `${idp.url}/nothing`, network: 'any' })
  await ask('POST /identity-providers/test', { entry: { ...ENTRY, scopes: 5 } })
  await ask('POST /identity-providers/import', { document: 5 })
  await ask('POST /explain', {})
}

describe('the OpenAPI document', () => {
  it('is one of OpenAPI 3.1, and what the code makes', () => {
    expect(document.openapi).toBe('3.1.0')
    expect(document).toEqual(JSON.parse(JSON.stringify(createOpenApi())))
  })

  it('has every route, and no other', () => {
    const routes = ROUTES.map(({ method, path }) => `${method} ${path}`)
    const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
    )
    expect(operations.sort()).toEqual([...routes].sort())
    expect(Object.keys(OPERATIONS).sort()).toEqual(operations)
    expect(new Set(routes).size).toBe(routes.length)
    expect(routes.length).toBeGreaterThan(20)
  })

  it('describes each operation, with the parameters of its path', () => {
    for (const name of Object.keys(OPERATIONS)) {
      const { summary, parameters, responses } = operationOf(name)
      expect(summary).toMatch(/^[A-Z].*[^.]$/)
      const ofPath = parameters.filter((parameter) => parameter.in === 'path').map((parameter) => parameter.name)
      expect([name, ofPath]).toEqual([name, name.includes('{id}') ? ['id'] : []])
      expect(Object.keys(responses)).toEqual(expect.arrayContaining(['403', '421', '503']))
    }
  })

  it('refers to nothing that it does not have, and has nothing that nothing refers to', () => {
    const references = [...JSON.stringify(document).matchAll(/"#\/components\/schemas\/(\w+)"/g)].map(
      ([, name]) => name,
    )
    expect([...new Set(references)].sort()).toEqual(Object.keys(document.components.schemas).sort())
  })

  it('lists the options of an entry that JSON can have', () => {
    const asked = optionsAskedFor(() => Object.values(EXAMPLES).map((options) => readExchangeOptions(options)))
    const options = [...asked].flatMap((name) => /^identityProviders\.\*\.(\w+)$/.exec(name)?.[1] ?? [])
    // Functions and objects of the program, and what only entries of the options may have.
    const notSent = ['agent', 'check', 'lookup', 'tenants', 'accessTokens']
    const expected = [...options.filter((name) => !notSent.includes(name)), 'displayName', 'description']
    expect(Object.keys(document.components.schemas.Entry?.properties ?? {}).sort()).toEqual(expected.sort())
  })

  it('is right about the answers of every operation, good ones and refusals', async () => {
    await askAll()
    const good = answered.filter(({ answer }) => (answer.status ?? 0) < 400)
    expect(good.length).toBe(answered.length)
    expect([...new Set(good.map(({ operation }) => operation))].sort()).toEqual(Object.keys(OPERATIONS).sort())
    await askRefused()
    const refused = answered.slice(good.length)
    expect(refused.map(({ operation, answer }) => [operation, (answer.status ?? 0) >= 400])).toEqual(
      refused.map(({ operation }) => [operation, true]),
    )
    expect(answered.flatMap(({ operation, answer }) => undocumented(operation, answer))).toEqual([])
    const statuses = new Set(refused.map(({ answer }) => answer.status))
    expect([...statuses].sort()).toEqual([400, 403, 404, 405, 409, 412, 413, 415, 422, 428])
  })

  it('is right about the bodies that are accepted', () => {
    const sent = answered.filter(({ answer, body }) => (answer.status ?? 0) < 300 && typeof body === 'object')
    expect(sent.length).toBeGreaterThan(8)
    const faults = sent.flatMap(({ operation, body }) => {
      if (JSON.stringify(body).includes('alowedSubjects')) return [] // Sent to be found wrong.
      const schema = operationOf(operation).requestBody?.content['application/json']?.schema
      return schema === undefined ? [`${operation}: no body`] : faultsOf(body, schema, document, operation)
    })
    expect(faults).toEqual([])
  })

  it('names a type of problem for each kind, which is the one of its status', () => {
    const types = new Map(answered.map(({ answer }) => [answer.body?.type, answer.status]))
    for (const [name, [status]] of Object.entries(PROBLEMS)) {
      const sent = types.get(`urn:express-jwt-exchange:problem:${name}`)
      if (sent !== undefined) expect([name, sent]).toEqual([name, status])
    }
  })
})

describe('the checker of schemas', () => {
  const root = { components: { a: { type: 'string' } } }
  it.each<[string, unknown, JsonSchema]>([
    ['another type', 5, { type: 'string' }],
    ['another type behind a reference', 5, { $ref: '#/components/a' }],
    ['a missing member', {}, { type: 'object', required: ['a'] }],
    ['an unknown member', { a: 1 }, { type: 'object', properties: {}, additionalProperties: false }],
    ['a member of another type', { a: 1 }, { properties: { a: { type: 'string' } } }],
    ['a further member of another type', { a: 1 }, { additionalProperties: { type: 'string' } }],
    ['a wrong item', ['a', 1], { items: { type: 'string' } }],
    ['none of several', 1, { anyOf: [{ type: 'string' }, { type: 'null' }] }],
    ['a fraction', 1.5, { type: 'integer' }],
    ['a value that is not listed', 'c', { enum: ['a', 'b'] }],
    ['another pattern', 'c', { pattern: '^a' }],
    ['a text that is too long', 'abc', { maxLength: 2 }],
  ])('finds %s', (_, value, schema) => {
    expect(faultsOf(value, schema, root)).not.toEqual([])
  })

  it('finds nothing in what is right, and refuses a keyword that it does not know', () => {
    const schema = { type: 'object', properties: { a: { anyOf: [{ type: 'null' }, { $ref: '#/components/a' }] } } }
    expect(faultsOf({ a: 'b' }, schema, root)).toEqual([])
    expect(() => faultsOf(1, { multipleOf: 2 }, root)).toThrow('multipleOf')
  })
})
