import { once } from 'node:events'
import { type IncomingMessage, request as requestPlain } from 'node:http'
import { request as requestTls } from 'node:https'
import { json } from 'node:stream/consumers'

export interface Answer {
  status: number
  body: Record<string, unknown>
}

export interface Sent {
  method?: string
  headers?: Record<string, string>
  body?: string
  /** The certificate of the server, if it is self-signed. */
  ca?: string | undefined
}

/** Sends a request and reads the JSON answer. `fetch` could not trust one self-signed certificate alone. */
export async function send(url: string, { method = 'GET', headers = {}, body = '', ca }: Sent): Promise<Answer> {
  const options = { method, headers: { ...headers, 'content-length': Buffer.byteLength(body) }, agent: false } as const
  const request = url.startsWith('https:') ? requestTls(url, { ...options, ca }) : requestPlain(url, options)
  request.end(body)
  const [response] = (await once(request, 'response')) as [IncomingMessage]
  return { status: response.statusCode ?? 0, body: (await json(response)) as Record<string, unknown> }
}
