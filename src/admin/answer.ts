import type { ServerResponse } from 'node:http'
import { type AdminProblem, documentOf } from './problem.js'

/** What a route answers with; `answered`: it has written the answer itself. */
export type Answer =
  | {
      status: number
      headers?: Readonly<Record<string, string>>
      type?: string
      /** The whole body. */
      content?: string | Buffer
    }
  | 'answered'

const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "connect-src 'self'",
  "img-src 'self' data:",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ')

/** Of every answer, also of one that `authorize` gives itself. */
const SECURITY_HEADERS: Readonly<Record<string, string>> = {
  'Cache-Control': 'no-store',
  'Content-Security-Policy': CONTENT_SECURITY_POLICY,
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Referrer-Policy': 'no-referrer',
  'X-Content-Type-Options': 'nosniff',
  'X-Frame-Options': 'DENY',
}

export function setSecurityHeaders(res: ServerResponse): void {
  for (const [name, value] of Object.entries(SECURITY_HEADERS)) res.setHeader(name, value)
}

export function json(body: unknown, status = 200, headers: Readonly<Record<string, string>> = {}): Answer {
  return { status, headers, type: 'application/json', content: JSON.stringify(body) }
}

export function sendAnswer(res: ServerResponse, answer: Answer): void {
  if (answer === 'answered' || res.headersSent || res.destroyed) return
  const { status, headers, type, content } = { headers: {}, type: undefined, content: '', ...answer }
  res.writeHead(status, {
    ...headers,
    ...(type !== undefined && { 'Content-Type': type, 'Content-Length': Buffer.byteLength(content) }),
  })
  res.end(content)
}

/** RFC 9457. */
export function sendProblem(res: ServerResponse, problem: AdminProblem): void {
  const document = documentOf(problem)
  const { headers } = { headers: {}, ...problem.details }
  const content = JSON.stringify(document)
  sendAnswer(res, { status: document.status, headers, type: 'application/problem+json', content })
}
