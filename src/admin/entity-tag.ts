import type { IncomingMessage } from 'node:http'
import { readHeader } from '../protected-route/host-request.js'
import { AdminProblem } from './problem.js'

/** Tags, weak or not (RFC 9110 §8.8.3), and the comma after each. */
const TAGS = /\s*(W\/)?"([\x21\x23-\x7E\x80-\xFF]*)"\s*(?:,|$)/gy
const MAX_TAGS = 20

/** The entity tag of a revision, which may be any text. */
export function entityTagOf(revision: string): string {
  return `"${encodeURIComponent(revision.toWellFormed())}"`
}

/**
 * Whether the caller has seen this revision (RFC 9110 §13.1.1).
 *
 * @throws AdminProblem 428 without `If-Match`, 412 if it has another revision
 */
export function checkIfMatch(req: IncomingMessage, revision: string): void {
  const headers = readHeader(req, 'if-match')
  if (headers.length === 0) {
    const detail = 'Send If-Match with the ETag that you have read, so that no change of somebody else is lost.'
    throw new AdminProblem('precondition-required', detail)
  }
  const isAny = headers.length === 1 && headers[0]?.trim() === '*'
  const own = entityTagOf(revision)
  if (isAny || tagsIn(headers).some(({ isWeak, tag }) => !isWeak && tag === own)) return
  throw new AdminProblem('revision-conflict', 'Read the identity provider again, and repeat the change.')
}

/** Whether the caller has this revision already (RFC 9110 §13.1.2). */
export function isNotModified(req: IncomingMessage, revision: string): boolean {
  const headers = readHeader(req, 'if-none-match')
  return tagsIn(headers).some(({ tag }) => tag === entityTagOf(revision))
}

/** Those before the first that is malformed. */
function tagsIn(headers: readonly string[]): { isWeak: boolean; tag: string }[] {
  const tags = [...headers.join(', ').matchAll(TAGS)].slice(0, MAX_TAGS)
  return tags.map(([, weak, tag = '']) => ({ isWeak: weak !== undefined, tag: `"${tag}"` }))
}
