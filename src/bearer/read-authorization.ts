import type { IncomingMessage } from 'node:http'

const AUTHORIZATION = 'authorization'

/**
 * The values of all `Authorization` header lines, as they were sent: Node's `headers` has the first one only, and its
 * `headersDistinct` copies every other header, too.
 */
export function readAuthorization({ rawHeaders }: IncomingMessage): string[] {
  const values: string[] = []
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = rawHeaders[at] ?? ''
    if (name.length !== AUTHORIZATION.length || name.toLowerCase() !== AUTHORIZATION) continue
    values.push(rawHeaders[at + 1] ?? '')
  }
  return values
}
