import { once } from 'node:events'
import {
  createServer as createHttpServer,
  type IncomingMessage,
  request as requestOverHttp,
  type ServerResponse,
} from 'node:http'
import { createServer as createHttpsServer, request as requestOverHttps } from 'node:https'
import type { AddressInfo, Server } from 'node:net'
import { inspect } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import type { ExpressRequest } from '../../../src/express/http.js'
import { HttpTokenRequest } from '../../../src/express/http-token-request.js'
import { createFormParser, readForm } from '../../../src/express/read-form.js'
import { checkRepeated, type TokenRequest } from '../../../src/oauth/token-request.js'
import { createCertificateAuthority } from '../../support/certificate-authority.js'

const authority = createCertificateAuthority('Authority of the clients')
const client = authority.issue({ names: ['client.example.com'] })
const tls = { ...authority.issue({ names: ['127.0.0.1'] }), requestCert: true, rejectUnauthorized: false }
const parseForm = createFormParser(65_536)

/** What each server made of the last request that it got. */
let last: TokenRequest | { refusedAs: string }
let plain: Server
let secure: Server
beforeAll(async () => {
  const read = async (req: IncomingMessage, res: ServerResponse) => {
    try {
      last = new HttpTokenRequest(req, await readForm(req, res, parseForm))
    } catch (error) {
      last = { refusedAs: (error as { code: string }).code }
    }
    await received(last)
    res.end()
  }
  plain = createHttpServer(read).listen(0, '127.0.0.1')
  secure = createHttpsServer(tls, read).listen(0, '127.0.0.1')
  await Promise.all([once(plain, 'listening'), once(secure, 'listening')])
})
afterAll(() => void [plain, secure].map((server) => server.close()))

/** Looks at the request while its socket is open. */
let received: (request: typeof last) => unknown = () => {}

interface Sent {
  body?: string
  path?: string
  headers?: Record<string, string | string[]>
  certificate?: typeof client
  server?: Server
}

/** What `look` sees in the request that the server was sent. */
async function lookAt<Seen>(sent: Sent, look: (request: TokenRequest) => Seen): Promise<Seen> {
  const { body = 'grant_type=a', path = '/token', headers = {}, certificate, server = plain } = sent
  const seen = new Promise<Seen>((resolve, reject) => {
    received = (request) => {
      try {
        if ('refusedAs' in request) throw new Error(request.refusedAs)
        resolve(look(request))
      } catch (error) {
        reject(error)
      }
    }
  })
  const open = server === secure ? requestOverHttps : requestOverHttp
  const request = open({
    ...certificate,
    host: '127.0.0.1',
    port: (server.address() as AddressInfo).port,
    path,
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers },
    agent: false,
    rejectUnauthorized: false,
  })
  request.on('response', (response) => response.resume())
  request.end(body)
  return seen
}

describe('a parameter of a token request', () => {
  it('has one value, or none', async () => {
    const body = 'grant_type=a&scope=b+c&empty='
    expect(await lookAt({ body }, ({ one }) => ['grant_type', 'scope', 'empty', 'missing'].map(one))).toEqual([
      'a',
      'b c',
      undefined,
      undefined,
    ])
  })

  it('that is repeated has several values, and is not read as one', async () => {
    await lookAt({ body: 'resource=a&resource=b&resource=&scope=c' }, (request) => {
      expect([request.all('resource'), request.all('scope'), request.all('missing')]).toEqual([['a', 'b'], ['c'], []])
      expect(() => request.one('resource')).toThrow(expect.objectContaining({ code: 'invalid_request' }))
      expect(request.one('scope')).toBe('c')
    })
  })

  it('is repeated only if that is permitted, also with an empty value', async () => {
    await lookAt({ body: 'a=1&a=&resource=b&resource=c' }, (request) => {
      expect(request.repeated).toEqual(['a', 'resource'])
      expect(() => checkRepeated(request, ['resource'])).toThrow(expect.objectContaining({ code: 'invalid_request' }))
      expect(() => checkRepeated(request, ['resource', 'a'])).not.toThrow()
    })
  })
})

describe('what a token request carries besides its parameters', () => {
  it('is its authorization, DPoP proofs and address', async () => {
    const headers = { authorization: 'Basic YTpi', dpop: ['one', 'two'] }
    await lookAt({ headers }, (request) => {
      expect(request.authorization).toBe('Basic YTpi')
      expect(request.dpopProofs).toEqual(['one', 'two'])
      expect(request.remoteAddress).toBe('127.0.0.1')
    })
  })

  it('is nothing if nothing was sent', async () => {
    await lookAt({}, ({ authorization, clientAssertion, dpopProofs, clientCertificate }) => {
      expect([authorization, clientAssertion, dpopProofs, clientCertificate]).toEqual([
        undefined,
        undefined,
        [],
        undefined,
      ])
    })
  })

  it('is a client assertion with its type', async () => {
    const body = 'client_assertion=a.b.c&client_assertion_type=urn%3Aexample'
    expect(await lookAt({ body }, ({ clientAssertion }) => clientAssertion)).toEqual({
      type: 'urn:example',
      assertion: 'a.b.c',
    })
  })

  it('is the certificate of the TLS connection, if the client has one', async () => {
    const subjectOf = ({ clientCertificate }: TokenRequest) => clientCertificate?.x509.subjectAltName
    expect(await lookAt({ server: secure, certificate: client }, subjectOf)).toBe('DNS:client.example.com')
    expect(await lookAt({ server: secure }, subjectOf)).toBeUndefined()
  })

  it('is not read from a request with credentials in its URL, or with two Authorization headers', async () => {
    const twice = { authorization: ['Basic YTpi', 'Basic YTpi'] }
    await expect(lookAt({ path: '/token?client_secret=x' }, () => {})).rejects.toThrow('invalid_request')
    await expect(lookAt({ headers: twice }, () => {})).rejects.toThrow('invalid_request')
  })

  it('is not in the JSON of the request, nor in what a log shows of it', async () => {
    const body = 'client_secret=first-secret&assertion=a.b.c'
    await lookAt({ body, headers: { authorization: 'Basic second-secret' } }, (request) => {
      expect(`${JSON.stringify(request)} ${inspect(request)}`).not.toMatch(/secret|a\.b\.c/)
      expect([request.authorization, request.one('client_secret')]).toEqual(['Basic second-secret', 'first-secret'])
    })
  })

  it('is not read before it is asked for', () => {
    const asked: (string | symbol)[] = []
    const watched = <Watched extends object>(target: Watched): Watched =>
      new Proxy(target, {
        get: (of, name) => {
          asked.push(name)
          return Reflect.get(of, name)
        },
      })
    const req = watched({ url: '/token', headers: { dpop: 'a' }, socket: watched({}), ip: '192.0.2.1' })
    const request = new HttpTokenRequest(req as unknown as ExpressRequest, {
      one: () => undefined,
      all: () => [],
      repeated: [],
    })
    expect(asked).not.toContain('socket')
    expect(asked).not.toContain('ip')
    expect(request.clientCertificate).toBeUndefined()
    expect(asked).toContain('socket')
  })
})
