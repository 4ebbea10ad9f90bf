import type { ServerResponse } from 'node:http'
import { OAuthError } from '../oauth/errors.js'
import type { ExpressRequest } from './http.js'
import { sendOAuthError, sendText } from './send-json.js'

/** Seconds for which caches may keep our key set and metadata. */
const MAX_AGE = 300

/** Answers GET and HEAD with a JSON document that everybody may read and cache. */
export function createPublicDocument(document: unknown) {
  const json = JSON.stringify(document)
  const headers = { 'Cache-Control': `public, max-age=${MAX_AGE}` }
  return (req: ExpressRequest, res: ServerResponse): void => {
    if (req.method === 'GET' || req.method === 'HEAD') {
      sendText(res, 200, json, headers)
    } else {
      const refusal = { status: 405, headers: { Allow: 'GET, HEAD' } }
      sendOAuthError(res, new OAuthError('invalid_request', 'This document can only be read', refusal))
    }
  }
}
