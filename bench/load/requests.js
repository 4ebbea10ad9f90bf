import {
  clientAuthorization,
  formBeforeAssertion,
  formType,
  introspectionPath,
  routePath,
  tokenPath,
} from '../deployment.js'
import { createTokenReader } from './token-reader.js'

/**
 * The requests of one run, described by `kind` and where their tokens come from: `pool` and `from`, or one `token` for
 * all. A request of the kind `exchange` has HTTP Basic, and one of the kind `exchange without secret` has nothing of that. `next` gives headers and body of the next one.
 */
export function createRequests({ kind, pool, from, token }) {
  const nextToken = pool === undefined ? () => token : createTokenReader(pool, from)
  if (kind === 'route') return routeRequests(nextToken)
  if (kind === 'introspect') return introspectionRequests(nextToken)
  return exchangeRequests(nextToken, kind === 'exchange' ? { authorization: clientAuthorization } : {})
}

function exchangeRequests(nextAssertion, authentication) {
  const headers = { ...authentication, 'content-type': formType }
  return {
    method: 'POST',
    path: tokenPath,
    next: () => ({ headers, body: formBeforeAssertion + nextAssertion() }),
  }
}

function introspectionRequests(nextToken) {
  const headers = { authorization: clientAuthorization, 'content-type': formType }
  return { method: 'POST', path: introspectionPath, next: () => ({ headers, body: `token=${nextToken()}` }) }
}

function routeRequests(nextToken) {
  return { method: 'GET', path: routePath, next: () => ({ headers: { authorization: `Bearer ${nextToken()}` } }) }
}

/** A request as it is sent. */
export function renderRequest({ method, path }, { headers, body = '' }, port) {
  const lines = [`${method} ${path} HTTP/1.1`, `Host: 127.0.0.1:${port}`]
  for (const name in headers) lines.push(`${name}: ${headers[name]}`)
  if (method === 'POST') lines.push(`Content-Length: ${body.length}`)
  return `${lines.join('\r\n')}\r\n\r\n${body}`
}

/** Returns a function that gives the text of each request. */
export function createRequestTexts(requests, port) {
  const source = createRequests(requests)
  return () => renderRequest(source, source.next(), port)
}
