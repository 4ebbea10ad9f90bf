import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { connect } from 'node:net'
import { createFormParser, readForm } from '../../../src/express/read-form.js'
import { checkRepeated } from '../../../src/oauth/token-request.js'
import { CLIENT, GRANT_TYPE, startExchangeHost } from '../../support/exchange-host.js'
import { rawRequest } from '../../support/send-bytes.js'
import { type FuzzTarget, hold, isSameJson } from '../fuzz-target.js'

/** Milliseconds. A request that is not whole gets no answer until the sender ends its side. */
const SENDING = 50
const PATIENCE = 10_000
/** What a client may see of bad input: no 5xx. 431 and some 400 are Node's own. */
const ANSWERS = [200, 204, 400, 401, 403, 404, 405, 408, 411, 413, 415, 417, 429, 431, 501, 505]
const NAMES = ['grant_type', 'assertion', 'scope', 'resource', 'client_id', 'client_secret', '__proto__', 'constructor']

interface Answer {
  status: number
  head: string
  body: string
}

/** Any bytes as the body of a form, over a socket. */
export async function formTarget(): Promise<FuzzTarget> {
  const parser = createFormParser(65_536)
  const server = createServer((req, res) => {
    readOnce(req, res).then(
      (parameters) => res.end(JSON.stringify(NAMES.map((name) => parameters.all(name)))),
      (error) => res.writeHead(error.name === 'OAuthError' ? error.status : 500).end(),
    )
  })
  const readOnce = async (req: IncomingMessage, res: ServerResponse) => {
    const parameters = await readForm(req, res, parser)
    checkRepeated(parameters, ['resource'])
    return parameters
  }
  const port = await listen(server)
  return {
    name: 'readForm over a socket',
    seeds: [
      'grant_type=a&assertion=b.c.d&scope=openid+orders%3Aread&resource=x&resource=y',
      'a=%F0%9F%98%80&b=%',
      '&&=&=',
    ],
    words: [...NAMES.map((name) => `${name}=`), '&', '=', '+', '%', '%26', '%00', '%c3', '[]', '[a]', ';'],
    check: async (input) => {
      const request = rawRequest('POST /', ['Content-Type: application/x-www-form-urlencoded'], input)
      const { status, body } = await exchange(port, request)
      const expected = readByUrl(input)
      if (expected === undefined) hold(status === 400, 'a form with a repetition, or nothing in it, is refused')
      else
        hold(
          status === 200 && isSameJson(JSON.parse(Buffer.from(body, 'latin1').toString('utf8')), expected),
          'a form is read as by the URL standard',
        )
    },
    close: () => close(server),
  }
}

/** Any bytes as a request to a host with a token endpoint and a route. */
export async function httpTarget(): Promise<FuzzTarget> {
  const host = await startExchangeHost({ exchange: { clientAuthentication: { maxFailures: 1_000_000 } } })
  const port = Number(new URL(host.url).port)
  const auth = `Authorization: Basic ${Buffer.from(`${CLIENT.clientId}:${CLIENT.clientSecret}`).toString('base64')}`
  const form = 'Content-Type: application/x-www-form-urlencoded'
  const assertion = await host.idp.issueAssertion()
  const body = `grant_type=${encodeURIComponent(GRANT_TYPE)}&assertion=${assertion}&scope=openid`
  const token = await host.accessToken()
  const requests = [
    rawRequest('POST /oauth2/token', [auth, form], body),
    rawRequest('POST /oauth2/token?a=b', [form, 'Transfer-Encoding: chunked'], ''),
    rawRequest('GET /orders', [`Authorization: Bearer ${token}`]),
    rawRequest('GET /whoami', [`Authorization: Bearer ${assertion}`]),
    rawRequest('GET /.well-known/oauth-authorization-server', []),
  ]
  return {
    name: 'an exchange over a socket',
    seeds: requests.map((request) => request.toString('latin1')),
    words: [
      '\r\n',
      '\r\n\r\n',
      ': ',
      'Authorization: ',
      auth,
      'Bearer ',
      'Basic ',
      'charset=',
      'utf-8',
      'iso-8859-1',
      'gzip',
      'chunked',
      '0\r\n\r\n',
      'Content-Encoding: gzip\r\n',
      'Expect: 100-continue\r\n',
      'Content-Length: 1\r\n',
      '?access_token=a',
      '//',
      'HTTP/1.1',
      'HTTP/1.0',
      '&resource=https://api.example.com',
      '&',
    ],
    check: async (input) => {
      const { status, head, body: text } = await exchange(port, input)
      hold(status === 0 || ANSWERS.includes(status), `bad input gets a 4xx: ${status} ${text.slice(0, 200)}`)
      hold(!/[^\t\r\n\x20-\x7e]/.test(head), 'headers are printable')
      hold(status === 200 || !/\n\s+at |node_modules/.test(text), 'no stack is sent')
      hold(status === 200 || (!text.includes(assertion) && !text.includes(CLIENT.clientSecret)), 'nothing is echoed')
      host.events.length = 0
    },
    close: () => host.close(),
  }
}

/** Names that are listed here, by the parser of URLs; undefined if one is there twice, or nothing is. */
function readByUrl(input: Buffer): string[][] | undefined {
  if (input.length === 0) return undefined
  const form = new URLSearchParams(input.toString('utf8'))
  const names = [...form.keys()]
  const isRepeated = names.some((name, index) => name !== 'resource' && names.indexOf(name) !== index)
  return isRepeated || names.length > 100
    ? undefined
    : NAMES.map((name) => form.getAll(name).filter((value) => value !== ''))
}

function exchange(port: number, request: Buffer): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    const socket = connect(port, '127.0.0.1')
    const end = setTimeout(() => socket.end(), SENDING)
    const giveUp = setTimeout(() => {
      socket.destroy()
      reject(new Error('broken: a request that has ended is answered'))
    }, PATIENCE)
    socket.on('data', (chunk) => chunks.push(chunk))
    socket.on('error', () => socket.destroy())
    socket.on('close', () => {
      clearTimeout(end)
      clearTimeout(giveUp)
      resolve(parseAnswer(Buffer.concat(chunks).toString('latin1')))
    })
    socket.write(request)
  })
}

/** The status is 0 if the connection ended without an answer. */
function parseAnswer(text: string): Answer {
  const at = text.indexOf('\r\n\r\n')
  const head = at < 0 ? text : text.slice(0, at)
  return { status: Number(/^HTTP\/1\.1 (\d{3})/.exec(head)?.[1] ?? 0), head, body: at < 0 ? '' : text.slice(at + 4) }
}

function listen(server: Server): Promise<number> {
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      resolve(typeof address === 'object' && address !== null ? address.port : 0)
    })
  })
}

function close(server: Server): Promise<void> {
  server.closeAllConnections()
  return new Promise((resolve) => server.close(() => resolve()))
}
