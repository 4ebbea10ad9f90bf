import { request as httpRequest, type IncomingHttpHeaders } from 'node:http'
import { text } from 'node:stream/consumers'

export interface SentRequest {
  method: string
  /** A header with several values is sent as several lines. */
  headers?: Readonly<Record<string, string | readonly string[]>>
  body?: string | Buffer
}

export interface ReceivedResponse {
  status: number | undefined
  headers: IncomingHttpHeaders
  body: string
}

/** Sends a request as it is, with nothing added but its length: also with repeated headers, and without a content type. */
export function sendRequest(url: string, { method, headers = {}, body = '' }: SentRequest): Promise<ReceivedResponse> {
  return new Promise((resolve, reject) => {
    const request = httpRequest(url, { method }, (response) => {
      const { statusCode: status, headers: received } = response
      text(response).then((body) => resolve({ status, headers: received, body }), reject)
    })
    for (const [name, value] of Object.entries(headers)) request.setHeader(name, value)
    if (body.length > 0) request.setHeader('content-length', Buffer.byteLength(body))
    request.on('error', reject).end(body)
  })
}
