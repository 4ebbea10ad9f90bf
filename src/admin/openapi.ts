import { OPERATIONS, type Operation } from './openapi-operations.js'
import { ref, SCHEMAS, type Schema, TEXT } from './openapi-schemas.js'
import { PROBLEMS, type ProblemName } from './problem.js'

const ANYWHERE: readonly ProblemName[] = [
  'not-authenticated',
  'not-authorized',
  'cross-site',
  'misdirected',
  'unavailable',
]
const WITH_BODY: readonly ProblemName[] = ['malformed-request', 'body-too-large', 'unsupported-media-type']
const STREAM = contentOf('text/event-stream', TEXT)

/** The description of the API in OpenAPI 3.1. */
export function createOpenApi(): Schema {
  const paths = new Map<string, Record<string, Schema>>()
  for (const [route, operation] of Object.entries(OPERATIONS)) {
    const [method = '', path = ''] = route.split(' ')
    paths.set(path, { ...paths.get(path), [method.toLowerCase()]: describe(method, path, operation) })
  }
  return {
    openapi: '3.1.0',
    info: { title: 'Admin API of express-jwt-exchange', version: '1' },
    servers: [{ url: '.', description: 'Where the admin router is mounted' }],
    paths: Object.fromEntries(paths),
    components: { schemas: SCHEMAS },
  }
}

function describe(
  method: string,
  path: string,
  { summary, query = {}, headers = [], body, answers, problems = [] }: Operation,
): Schema {
  const parameter = (name: string, place: string, schema: Schema) => ({ name, in: place, schema })
  const parameters = [
    ...(path.includes('{id}') ? [{ ...parameter('id', 'path', TEXT), required: true }] : []),
    ...Object.entries(query).map(([name, schema]) => parameter(name, 'query', schema)),
    ...headers.map((name) => parameter(name, 'header', TEXT)),
  ]
  const refusals = [...ANYWHERE, ...(body === undefined ? [] : WITH_BODY), ...problems]
  return {
    summary,
    parameters,
    ...(body !== undefined && { requestBody: { content: bodyContent(method, body) } }),
    responses: { ...answersOf(path, answers), ...refusalsOf(refusals) },
  }
}

function bodyContent(method: string, schema: Schema): Schema {
  const asJson = contentOf('application/json', schema)
  return method === 'PATCH' ? { ...contentOf('application/merge-patch+json', schema), ...asJson } : asJson
}

function answersOf(path: string, answers: Operation['answers']): Schema {
  const isStream = path === '/events'
  const each = Object.entries(answers).map(([status, schema]) => {
    const content = schema && { content: { ...contentOf(typeOf(path), schema), ...(isStream && STREAM) } }
    return [status, { description: status === '200' || status === '201' ? 'Done' : 'Without a body', ...content }]
  })
  return Object.fromEntries(each)
}

function refusalsOf(names: readonly ProblemName[]): Schema {
  const statuses = [...new Set(names.map((name) => PROBLEMS[name][0]))].toSorted()
  const each = statuses.map((status) => {
    const titles = [...new Set(names.filter((name) => PROBLEMS[name][0] === status).map((name) => PROBLEMS[name][1]))]
    return [status, { description: titles.join('. '), content: contentOf('application/problem+json', ref('Problem')) }]
  })
  return Object.fromEntries(each)
}

function typeOf(path: string): string {
  const types: Readonly<Record<string, string>> = {
    '/': 'text/html',
    '/page.js': 'text/javascript',
    '/page.css': 'text/css',
  }
  return types[path] ?? 'application/json'
}

function contentOf(type: string, schema: Schema): Schema {
  return { [type]: { schema } }
}
