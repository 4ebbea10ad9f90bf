import type { IncomingMessage } from 'node:http'
import { parseBasicCredentials } from '../../../src/client-auth/client-secret-methods.js'
import { Challenge } from '../../../src/protected-route/challenge.js'
import { createRequireTokenSyntax, readPresentedToken } from '../../../src/protected-route/read-presented-token.js'
import { type FuzzTarget, hold, isSameJson, thrownBy } from '../fuzz-target.js'

const challenge = new Challenge('Bearer', 'https://api.example.com')
const requireTokenSyntax = createRequireTokenSyntax(challenge)
const basic = (text: string) => `Basic ${Buffer.from(text).toString('base64')}`

/** Any text as the `Authorization` header, for a client and for a route. */
export function authorizationTarget(): FuzzTarget {
  return {
    name: 'the Authorization header',
    seeds: [basic('app:secret'), basic('a%3Ab:s%2Bc+d'), 'Basic YTpi', 'Bearer abc.def.ghi', 'Bearer  a==', 'bearer x'],
    words: ['Basic ', 'Bearer ', 'YTpi', ':', '%', '+', '=', '==', '-', '_', ', ', '\t'],
    check: (input) => {
      const header = input.toString('latin1')
      checkBasic(header)
      checkBearer(header)
    },
  }
}

function checkBasic(header: string): void {
  const outcome = thrownBy(() => parseBasicCredentials(header), 'OAuthError')
  if ('error' in outcome) {
    hold(!/[^\x20-\x7e]/.test(outcome.error.message), 'the text of an error is fixed')
    return
  }
  const [decoded, asSent] = outcome.result
  const { clientId, clientSecret } = decoded
  for (const half of [clientId, clientSecret, ...Object.values(asSent)]) hold(half !== '', 'neither half is empty')
  const again = basic(`${encodeURIComponent(clientId)}:${encodeURIComponent(clientSecret)}`)
  if (again.length <= 4096)
    hold(isSameJson(parseBasicCredentials(again)[0], decoded), 'credentials that are written again are the same')
}

function checkBearer(header: string): void {
  const req = { rawHeaders: ['Authorization', header], headers: { authorization: header }, url: '/' } as IncomingMessage
  const outcome = thrownBy(() => readAndRequireSyntax(req), 'OAuthError')
  if ('error' in outcome) {
    hold(/^Bearer/i.test(header), 'only a header of the scheme Bearer is refused')
    return
  }
  if (outcome.result === undefined) hold(!/^Bearer(?:\s|$)/i.test(header), 'no token is overlooked')
  else hold(header.endsWith(` ${outcome.result}`) && /^[\w\-.~+/]+=*$/.test(outcome.result), 'a token is a b64token')
}

function readAndRequireSyntax(req: IncomingMessage): string | undefined {
  const token = readPresentedToken(req, challenge)
  if (token !== undefined) requireTokenSyntax(token)
  return token
}
