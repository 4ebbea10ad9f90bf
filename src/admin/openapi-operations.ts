import { object, ref, type Schema, TEXT } from './openapi-schemas.js'
import type { ProblemName } from './problem.js'

/** What the document says of one route. */
export interface Operation {
  summary: string
  /** Names of query parameters, with their schemas. */
  query?: Readonly<Record<string, Schema>>
  headers?: readonly string[]
  body?: Schema
  /** The successful answers; undefined: without a body. */
  answers: Readonly<Record<string, Schema | undefined>>
  /** In addition to those that any route has. */
  problems?: readonly ProblemName[]
}

const IDENTITY_PROVIDER = ref('IdentityProvider')
const LIMIT: Schema = { type: 'integer', minimum: 1, maximum: 1000, default: 100 }
const NOTHING: Schema = object({})
const OF_WRITE: readonly ProblemName[] = ['not-found', 'read-only', 'revision-conflict', 'precondition-required']

/** By method and path, in the order of the routes. */
export const OPERATIONS: Readonly<Record<string, Operation>> = {
  'GET /': { summary: 'The page', answers: { '200': TEXT, '308': undefined } },
  'GET /page.js': { summary: 'The script of the page', answers: { '200': TEXT } },
  'GET /page.css': { summary: 'The style sheet of the page', answers: { '200': TEXT } },
  'GET /identity-providers': {
    summary: 'Lists identity providers, those that are not in the store on the first page only',
    query: { after: TEXT, limit: LIMIT, search: { type: 'string', maxLength: 200 }, enabled: { type: 'boolean' } },
    answers: { '200': ref('IdentityProviderList') },
    problems: ['malformed-request'],
  },
  'POST /identity-providers': {
    summary: 'Adds an identity provider; without an id, it gets one',
    body: ref('Entry'),
    answers: { '201': IDENTITY_PROVIDER },
    problems: ['read-only', 'already-exists', 'invalid-entry'],
  },
  'GET /identity-providers/{id}': {
    summary: 'Reads an identity provider; ETag is its revision',
    headers: ['If-None-Match'],
    answers: { '200': IDENTITY_PROVIDER, '304': undefined },
    problems: ['not-found'],
  },
  'PUT /identity-providers/{id}': {
    summary: 'Replaces an identity provider',
    headers: ['If-Match'],
    body: ref('Entry'),
    answers: { '200': IDENTITY_PROVIDER },
    problems: [...OF_WRITE, 'invalid-entry'],
  },
  'PATCH /identity-providers/{id}': {
    summary: 'Changes some options of an identity provider (RFC 7396); null removes one',
    headers: ['If-Match'],
    body: { type: 'object' },
    answers: { '200': IDENTITY_PROVIDER },
    problems: [...OF_WRITE, 'invalid-entry'],
  },
  'DELETE /identity-providers/{id}': {
    summary: 'Removes an identity provider',
    headers: ['If-Match'],
    answers: { '204': undefined },
    problems: OF_WRITE,
  },
  'POST /identity-providers/{id}/disable': {
    summary: 'Stops trusting an identity provider at once',
    body: NOTHING,
    answers: { '200': IDENTITY_PROVIDER },
    problems: ['not-found'],
  },
  'POST /identity-providers/{id}/enable': {
    summary: 'Trusts an identity provider again',
    body: NOTHING,
    answers: { '200': IDENTITY_PROVIDER },
    problems: ['not-found'],
  },
  'POST /identity-providers/{id}/refresh-keys': {
    summary: 'Fetches the keys of an identity provider now',
    body: NOTHING,
    answers: { '200': IDENTITY_PROVIDER },
    problems: ['not-found', 'too-many-requests'],
  },
  'POST /identity-providers/check': {
    summary: 'Says what is wrong with an entry',
    body: object({ entry: ref('Entry') }),
    answers: { '200': ref('Problems') },
    problems: ['invalid-entry'],
  },
  'POST /identity-providers/test': {
    summary: 'Fetches the keys of an entry that is not saved',
    body: object({ entry: ref('Entry') }),
    answers: { '200': ref('Trial') },
    problems: ['invalid-entry', 'too-many-requests'],
  },
  'POST /identity-providers/discover': {
    summary: 'Looks for the metadata of an issuer',
    body: object({ issuer: TEXT, 'network?': { type: 'string', enum: ['any', 'public'] } }),
    answers: { '200': ref('DiscoveredIssuer') },
    problems: ['invalid-entry', 'discovery-failed', 'too-many-requests'],
  },
  'POST /identity-providers/{id}/test': {
    summary: 'Fetches the keys of an identity provider of the store, and keeps nothing',
    body: NOTHING,
    answers: { '200': ref('Trial') },
    problems: ['not-found', 'read-only', 'invalid-entry', 'too-many-requests'],
  },
  'GET /identity-providers/{id}/keys': {
    summary: 'The keys that are in use; fetched if this process does not use them',
    answers: { '200': ref('Keys') },
    problems: ['not-found', 'invalid-entry', 'too-many-requests'],
  },
  'POST /explain': {
    summary: 'Explains step by step whether an assertion would be accepted',
    body: object({ assertion: TEXT, 'clientId?': TEXT, 'scope?': TEXT }),
    answers: { '200': ref('Explanation') },
    problems: ['invalid-entry'],
  },
  'POST /identity-providers/import': {
    summary: 'Reads identity providers of WSO2 Identity Server or Keycloak; with save, stores those without a problem',
    body: object({
      'format?': { type: 'string', enum: ['wso2', 'keycloak'] },
      document: { type: ['object', 'array'] },
      'defaults?': { type: 'object' },
      'save?': { type: 'boolean' },
    }),
    answers: { '200': ref('Import') },
    problems: ['read-only', 'invalid-entry'],
  },
  'GET /events': {
    summary: 'The last events of this process; with Accept: text/event-stream, live',
    query: { after: { type: 'integer', minimum: 0 } },
    headers: ['Last-Event-ID'],
    answers: { '200': ref('Events') },
    problems: ['malformed-request', 'too-many-requests'],
  },
  'GET /stats': { summary: 'The statistics of the exchange', answers: { '200': ref('Stats') } },
  'GET /openapi.json': { summary: 'This document', answers: { '200': { type: 'object' } } },
}
