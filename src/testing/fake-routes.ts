import type { IncomingMessage, ServerResponse } from 'node:http'
import { elsewherePath, type FaultKind, isFaultKind, sendJson } from './fake-faults.js'

/** What the routes need from the fake identity provider. */
export interface FakeRoutesDeps {
  readonly keySet: () => string
  /** As JSON. */
  readonly metadata: () => string
  readonly answerKeySet: (response: ServerResponse) => void
  readonly issueAssertion: (claims: Readonly<Record<string, unknown>>) => Promise<string>
  readonly rotate: () => Promise<{ readonly kid: string }>
  /** A fault that is set over HTTP must end over HTTP, or by itself. */
  readonly fault: (kind: FaultKind) => Promise<void>
}

/** Answers one HTTP request to the fake identity provider. */
export async function answerRequest(
  request: IncomingMessage,
  response: ServerResponse,
  deps: FakeRoutesDeps,
): Promise<void> {
  const url = new URL(request.url ?? '/', 'http://127.0.0.1')
  const route = `${request.method} ${url.pathname}`
  if (route === 'GET /jwks') deps.answerKeySet(response)
  else if (route === 'GET /.well-known/openid-configuration') sendJson(response, 200, deps.metadata())
  else if (route === `GET ${elsewherePath}`) sendJson(response, 200, deps.keySet())
  else if (route === 'GET /assertion') sendText(response, await deps.issueAssertion(readClaims(url)))
  else if (route === 'POST /rotate') sendJson(response, 200, JSON.stringify({ kid: (await deps.rotate()).kid }))
  else if (route.startsWith('POST /fault/')) await answerFault(route.slice('POST /fault/'.length), response, deps)
  else sendNotFound(response)
}

async function answerFault(kind: string, response: ServerResponse, deps: FakeRoutesDeps): Promise<void> {
  if (!isFaultKind(kind)) return sendNotFound(response)
  if (kind === 'slow-connect') {
    const apply = () => deps.fault(kind).catch(() => {})
    response.req.socket.once('close', apply)
    response.writeHead(204, { connection: 'close' }).end()
    return
  }
  await deps.fault(kind)
  response.writeHead(204).end()
}

function readClaims(url: URL): Record<string, string> {
  return Object.fromEntries(url.searchParams)
}

function sendText(response: ServerResponse, body: string): void {
  response.writeHead(200, { 'content-type': 'text/plain' }).end(body)
}

function sendNotFound(response: ServerResponse): void {
  response.writeHead(404).end()
}
