import { once } from 'node:events'
import { connect } from 'node:net'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import express from 'express'
import request from 'supertest'
import { generateFakeKey, signAssertion } from '../../src/testing/index.js'
import { AUDIENCE, CLIENT, type ExchangeHost, GRANT_TYPE, ISSUER, startExchangeHost } from '../support/exchange-host.js'
import {
  type Answer,
  closeUnharmed,
  expectInvalidGrant,
  expectInvalidRequest,
  expectInvalidToken,
  expectInvalidTokenAnswer,
  expectNoToken,
  expectRefusal,
  expectUnavailable,
  INVALID_GRANT_TEXT,
} from '../support/expect-refusal.js'
import { goodClaims, joinParts } from '../support/forged-jwt.js'
import { rawRequest, sendBytes } from '../support/send-bytes.js'

const BASIC = basicOf(CLIENT.clientId, CLIENT.clientSecret)
const FORM = 'Content-Type: application/x-www-form-urlencoded'
const PARSER_CLIENT = { clientId: 'a:b c%+&ü', clientSecret: 'p:q r%+&ü"\\-of-the-tests' }
let host: ExchangeHost

/** A request with exactly these bytes as its form. */
function postForm(body: string | Buffer, headers: readonly string[] = [BASIC, FORM], at = host): Promise<Answer> {
  return sendBytes(at.url, rawRequest('POST /oauth2/token', headers, body))
}

async function goodForm(at = host): Promise<string> {
  return `grant_type=${encodeURIComponent(GRANT_TYPE)}&assertion=${await at.idp.issueAssertion()}`
}

function basicOf(clientId: string, clientSecret: string): string {
  return `Authorization: Basic ${Buffer.from(`${clientId}:${clientSecret}`).toString('base64')}`
}

function expectInvalidClient(answering: Promise<Answer>): Promise<void> {
  const headers = { 'www-authenticate': 'Basic realm="token endpoint", charset="UTF-8"' }
  return expectRefusal(answering, { status: 401, error: 'invalid_client', headers })
}

beforeAll(async () => {
  host = await startExchangeHost({
    idp: { algorithm: 'ES256' },
    exchange: {
      clients: [
        CLIENT,
        { clientId: 'umlaut', clientSecret: 'app-secret-of-the-ü' },
        { clientId: 'narrow', clientSecret: 'app-secret-of-the-narrow', scopes: ['openid'], grantTypes: ['other'] },
      ],
    },
  })
})
afterAll(() => closeUnharmed(host))

describe('the parameters of a token request', () => {
  it.each([
    ['assertion, the good one last', (good: string) => good.replace('assertion=', 'assertion=attacker&assertion=')],
    ['assertion, the good one first', (good: string) => `${good}&assertion=attacker`],
    ['assertion, escaped', (good: string) => `${good}&%61ssertion=attacker`],
    ['assertion with the same value', (good: string) => `${good}&${good.slice(good.indexOf('assertion='))}`],
    ['assertion 30 times', (good: string) => good + '&assertion=attacker'.repeat(30)],
    ['grant_type', (good: string) => `${good}&grant_type=password`],
    ['scope', (good: string) => `${good}&scope=openid&scope=orders:read`],
    ['scope with the same value', (good: string) => `${good}&scope=openid&scope=openid`],
    ['client_id', (good: string) => `${good}&client_id=app&client_id=app`],
    ['an unknown one', (good: string) => `${good}&x=1&x=2`],
  ])('Q1: a repeated %s is refused', async (_name, change) => {
    await expectInvalidRequest(postForm(change(await goodForm())))
  })

  it('Q1: a repeated client_secret is refused', async () => {
    const body = `${await goodForm()}&client_id=app&client_secret=${CLIENT.clientSecret}&client_secret=evil`
    await expectInvalidRequest(postForm(body, [FORM]))
  })

  it.each([
    'assertion[]=',
    'assertion[x]=',
    'assertion[toString]=',
    '__proto__[assertion]=',
    'constructor[prototype][assertion]=',
    'assertion[1000000000]=',
    'assertion[__proto__]=',
    'assertion%5B%5D=',
    'assertion.x=',
    'ASSERTION=',
    'assertion ',
    '=',
    '',
  ])('Q2: %j instead of assertion= is not an assertion', async (name) => {
    const good = await goodForm()
    await expectInvalidRequest(postForm(good.replace('assertion=', name)))
    expect(Object.keys(Object.prototype)).toEqual([])
  })

  it.each(['grant_type[]=', 'grant_type[x]=', '__proto__[grant_type]='])('Q2: %j is not grant_type=', async (name) => {
    await expectInvalidRequest(postForm((await goodForm()).replace('grant_type=', name)))
  })

  it.each(['assertion=', 'assertion', 'assertion=&assertion=x', 'scope[]=x&assertion='])(
    'Q2: %j is refused as missing or repeated',
    async (parameter) => {
      await expectInvalidRequest(postForm(`grant_type=${GRANT_TYPE}&${parameter}`))
    },
  )

  it.each([
    ['%zz', '%zz'],
    ['%', '%'],
    ['%ff%fe', '%ff%fe'],
    ['%c0%af', '%c0%af'],
    ['%00', '%00'],
    ['%u0041', '%u0041'],
  ])('Q6: the percent-encoding %s is refused as an assertion, not as our fault', async (_name, text) => {
    await expectInvalidGrant(postForm(`grant_type=${GRANT_TYPE}&assertion=${text}`), host, 'malformed_jwt')
    await expectRefusal(postForm(`grant_type=${text}&assertion=x`), { status: 400, error: 'unsupported_grant_type' })
    await expectRefusal(postForm(`${await goodForm()}&scope=${text}`), { status: 400, error: 'invalid_scope' })
    await expectInvalidClient(postForm(`${await goodForm()}&client_id=${text}`))
    await expectInvalidRequest(postForm(`${text}=x&assertion=x`))
  })

  it('Q6: bytes that are not UTF-8 are refused as an assertion', async () => {
    const body = Buffer.concat([Buffer.from(`grant_type=${GRANT_TYPE}&assertion=`), Buffer.from([0xff, 0xfe, 0xc0, 0])])
    await expectInvalidGrant(postForm(body), host, 'malformed_jwt')
  })

  it('Q6: a broken percent-encoding in the query is ignored', async () => {
    const answer = await sendBytes(host.url, rawRequest('POST /oauth2/token?%zz=%ff', [BASIC, FORM], await goodForm()))
    expect(answer.status).toBe(200)
  })

  it('Q6: a broken percent-encoding in the path is refused by the host', async () => {
    const answer = await sendBytes(host.url, rawRequest('POST /oauth2/%zz', [BASIC, FORM], await goodForm()))
    expect([400, 404]).toContain(answer.status)
  })
})

describe('the body of a token request', () => {
  it.each([
    ['JSON', 'Content-Type: application/json'],
    ['text', 'Content-Type: text/plain'],
    ['multipart', 'Content-Type: multipart/form-data; boundary=x'],
    ['a form in all but name', 'Content-Type: application/x-www-form-urlencodedx'],
    ['two types', 'Content-Type: application/json, application/x-www-form-urlencoded'],
    ['an empty type', 'Content-Type: '],
    ['no type', 'X-Nothing: 1'],
    ['a malformed type', 'Content-Type: ;;;'],
    ['a type of 8 KB', `Content-Type: application/x-www-form-urlencoded${' '.repeat(8000)}attacker`],
  ])('Q4: %s is refused', async (_name, contentType) => {
    await expectInvalidRequest(postForm(await goodForm(), [BASIC, contentType]))
    await expectInvalidRequest(
      postForm(JSON.stringify({ grant_type: GRANT_TYPE, assertion: 'x' }), [BASIC, contentType]),
    )
    await expectInvalidRequest(postForm('', [BASIC, contentType]))
  })

  it('Q4: a form in the query alone is refused', async () => {
    const line = `POST /oauth2/token?${await goodForm()}`
    await expectInvalidRequest(sendBytes(host.url, rawRequest(line, [BASIC, FORM])))
    await expectInvalidRequest(sendBytes(host.url, rawRequest(line, [BASIC, FORM], 'x=1')))
    await expectInvalidRequest(sendBytes(host.url, rawRequest(line, [BASIC])))
  })

  it.each(['GET', 'PUT', 'DELETE', 'PATCH', 'OPTIONS', 'PROPFIND'])('Q4: %s is refused', async (method) => {
    const line = `${method} /oauth2/token?${await goodForm()}`
    const expected = { status: 405, error: 'invalid_request', headers: { allow: 'POST' } }
    await expectRefusal(sendBytes(host.url, rawRequest(line, [BASIC, FORM])), expected)
    await expectRefusal(sendBytes(host.url, rawRequest(line, [BASIC, FORM], await goodForm())), expected)
  })

  it('Q4: HEAD is refused', async () => {
    const { status } = await request(host.url).head('/oauth2/token')
    expect(status).toBe(405)
  })

  it('Q5: a body of 2 MB is refused', async () => {
    await expectInvalidRequest(postForm('x='.padEnd(2_000_000, 'x')), 413)
  })

  it('Q5: a body of 2 MB in chunks is refused', async () => {
    const chunk = `8000\r\n${'x'.repeat(0x8000)}\r\n`
    const head = rawRequest('POST /oauth2/token', [BASIC, FORM, 'Transfer-Encoding: chunked'])
    await expectInvalidRequest(
      sendBytes(host.url, Buffer.concat([head, Buffer.from(`${chunk.repeat(64)}0\r\n\r\n`)])),
      413,
    )
  })

  it('Q5: a body that never ends is refused while it still comes', async () => {
    const socket = connect(Number(new URL(host.url).port), '127.0.0.1')
    const chunk = `8000\r\n${'x'.repeat(0x8000)}\r\n`
    let chunks = 0
    // 4 MiB and two chunks, and then nothing, not even an end: to write on when the server has hung up would be an error.
    const more = () => {
      chunks += 1
      if (chunks <= 130) socket.write(chunk, () => setImmediate(more))
    }
    socket.write(rawRequest('POST /oauth2/token', [BASIC, FORM, 'Transfer-Encoding: chunked']))
    more()
    const [answer] = await once(socket, 'data')
    expect(String(answer)).toMatch(/^HTTP\/1\.1 413 (?:.|\s)*Connection: close(?:.|\s)*"error":"invalid_request"/)
    await once(socket, 'close')
  })

  it.each([
    ['gzip', 'gzip'],
    ['gzip 1500 times', Array(1500).fill('gzip').join(',')],
    ['br', 'br'],
    ['deflate', 'deflate'],
    ['something else', 'attacker'],
  ])('Q5: a body in %s is refused unread', async (_name, encoding) => {
    const bomb = gzipSync(Buffer.alloc(20_000_000, 'x'))
    await expectInvalidRequest(postForm(bomb, [BASIC, FORM, `Content-Encoding: ${encoding}`]), 415)
  })

  it('Q5: 5000 parameters are refused', async () => {
    const many = Array.from({ length: 5000 }, (_, index) => `x${index}=1`).join('&')
    await expectInvalidRequest(postForm(many))
    await expectInvalidRequest(postForm('&'.repeat(5000)))
  })

  it('Q5: names nested 500 times are not an assertion', async () => {
    await expectInvalidRequest(postForm(`grant_type=${GRANT_TYPE}&assertion${'[x]'.repeat(500)}=x`))
    await expectInvalidRequest(postForm(`grant_type=${GRANT_TYPE}&assertion${'['.repeat(5000)}=x`))
    await expectInvalidRequest(postForm(`grant_type=${GRANT_TYPE}&assertion${'[]'.repeat(500)}=x`))
  })

  it.each(['banana', 'utf-16', 'iso-8859-2', 'utf-7', 'utf-8; charset=utf-16', ''])(
    'Q5: the charset %j is refused',
    async (charset) => {
      await expectInvalidRequest(postForm(await goodForm(), [BASIC, `${FORM}; charset=${charset}`]), 415)
    },
  )

  it.each(['charset=utf-8', 'charset=UTF-8', 'charset="utf-8"'])('Q5: %s is accepted', async (charset) => {
    expect((await postForm(await goodForm(), [BASIC, `${FORM}; ${charset}`])).status).toBe(200)
  })

  it('Q5: two Content-Type lines are refused, unless both are of a form', async () => {
    for (const other of ['application/json', 'application/x-www-form-urlencoded; charset=utf-16', '']) {
      for (const lines of [
        [FORM, `Content-Type: ${other}`],
        [`Content-Type: ${other}`, FORM],
      ]) {
        await expectInvalidRequest(postForm(await goodForm(), [BASIC, ...lines]), other.endsWith('16') ? 415 : 400)
      }
    }
    expect((await postForm(await goodForm(), [BASIC, FORM, FORM])).status).toBe(200)
  })

  it('Q5: a body that is cut off is refused, and the host keeps running', async () => {
    const [head = '', body = ''] = rawRequest('POST /oauth2/token', [BASIC, FORM], await goodForm())
      .toString()
      .split('\r\n\r\n')
    const { connect } = await import('node:net')
    const { hostname, port } = new URL(host.url)
    const socket = connect(Number(port), hostname)
    await new Promise<void>((resolve) => socket.end(`${head}\r\n\r\n${body.slice(0, -10)}`, resolve))
    await new Promise((resolve) => socket.once('close', resolve).resume())
    expect(host.events.at(-1)).toMatchObject({ name: 'token.rejected', reason: 'invalid_request' })
  })
})

describe('a host that parses bodies itself', () => {
  const nestedNames = [
    'assertion[]=',
    'assertion[x]=',
    'assertion[toString]=',
    '__proto__[assertion]=',
    'constructor[prototype][x]=',
    'assertion[1000000000]=',
  ]

  it.each<[name: string, before: (app: express.Express) => void]>([
    ['express.json()', (app) => app.use(express.json())],
    ['express.urlencoded({ extended: true })', (app) => app.use(express.urlencoded({ extended: true }))],
    ['express.urlencoded({ extended: false })', (app) => app.use(express.urlencoded({ extended: false }))],
    ['express.text() for all types', (app) => app.use(express.text({ type: '*/*' }))],
    ['express.raw() for all types', (app) => app.use(express.raw({ type: '*/*' }))],
    ['json and urlencoded', (app) => app.use(express.json(), express.urlencoded({ extended: true }))],
  ])('Q3: behind %s every request is read the same way', async (_name, before) => {
    const started = await startExchangeHost({ idp: { algorithm: 'ES256' }, before })
    const send = (body: string, headers?: readonly string[]) => postForm(body, headers, started)
    try {
      expect((await send(await goodForm(started))).status).toBe(200)
      const good = await goodForm(started)
      for (const parameter of ['assertion=x', 'grant_type=x', 'scope=openid&scope=openid', 'x=1&x=2']) {
        await expectInvalidRequest(send(`${good}&${parameter}`))
      }
      for (const name of nestedNames) await expectInvalidRequest(send(good.replace('assertion=', name)))
      for (const name of nestedNames) {
        const { status } = await send(`${good.replace('assertion=', name)}&assertion=x`)
        expect([name, status]).toEqual([name, 400])
      }
      const filler = '&resource=x'.repeat(150)
      await expectInvalidRequest(send(`${good}${filler}&assertion=x`))
      const json = JSON.stringify({ grant_type: GRANT_TYPE, assertion: await started.idp.issueAssertion() })
      await expectInvalidRequest(send(json, [BASIC, 'Content-Type: application/json']))
      await expectInvalidRequest(send(json))
      await expectInvalidGrant(send(`grant_type=${GRANT_TYPE}&assertion=%ff`), started, 'malformed_jwt')
    } finally {
      await closeUnharmed(started)
    }
  })

  it('Q3: a form of more than a hundred parameters is refused before it is taken apart', async () => {
    const others = Array.from({ length: 98 }, (_, index) => `&x${index}=`).join('')
    expect((await postForm(`${await goodForm()}${others}`)).status).toBe(200)
    const junk = ['&y'.repeat(99), '&'.repeat(100), '&y'.repeat(20_000)]
    for (const further of junk) {
      const { status, text } = await postForm(`${await goodForm()}${further}`)
      expect([status, JSON.parse(text).error_description]).toEqual([400, 'There are too many parameters'])
    }
  })

  it('Q3: a host that leaves arrays, objects or nothing in req.body gets an answer', async () => {
    const bodies: unknown[] = [
      null,
      undefined,
      [],
      ['x'],
      1,
      true,
      {},
      { assertion: ['x'] },
      { assertion: { length: 1 } },
      Object.create(null),
    ]
    const before = (app: express.Express) =>
      app.use(express.text({ type: '*/*' }), (req, _res, next) => {
        req.body = bodies.shift()
        next()
      })
    const started = await startExchangeHost({ idp: { algorithm: 'ES256' }, before })
    try {
      for (let count = bodies.length; count > 0; count -= 1) {
        await expectInvalidRequest(postForm('grant_type=x', [BASIC, FORM], started))
      }
    } finally {
      await started.close()
    }
  })
})

describe('the authentication of a client', () => {
  it('Q7: id and secret with reserved characters are form-decoded after the first colon', async () => {
    const { clientId, clientSecret } = PARSER_CLIENT
    const client = { clientId: clientId.replace('ü', 'u'), clientSecret, scopes: ['openid'] }
    const started = await startExchangeHost({ idp: { algorithm: 'ES256' }, exchange: { clients: [client, CLIENT] } })
    const encode = (text: string) => new URLSearchParams({ x: text }).toString().slice(2)
    const percent = (text: string) => encodeURIComponent(text)
    try {
      for (const encoded of [encode, percent]) {
        const authorization = basicOf(encoded(client.clientId), encoded(client.clientSecret))
        expect((await postForm(await goodForm(started), [authorization, FORM], started)).status).toBe(200)
      }
      await expectInvalidClient(
        postForm(await goodForm(started), [basicOf(client.clientId, client.clientSecret), FORM], started),
      )
    } finally {
      await closeUnharmed(started)
    }
  })

  it.each([
    ['no colon', Buffer.from('app').toString('base64')],
    ['nothing', ''],
    ['a colon alone', Buffer.from(':').toString('base64')],
    ['no id', Buffer.from(':app-secret-of-the-tests').toString('base64')],
    ['no base64', '***'],
    ['base64 with spaces', 'YXBw OnNl'],
    ['broken percent-encoding', Buffer.from('%zz:%zz').toString('base64')],
    ['percent-encoding that is not UTF-8', Buffer.from('%ff:%fe').toString('base64')],
    ['bytes that are not UTF-8', Buffer.from([0xff, 0x3a, 0xfe]).toString('base64')],
    ['NUL', Buffer.from('app\u0000:x').toString('base64')],
    ['8 KB', Buffer.from(`app:${'x'.repeat(6000)}`).toString('base64')],
    ['padding alone', '===='],
  ])('Q7: Basic with %s is refused', async (_name, credentials) => {
    await expectInvalidClient(postForm(await goodForm(), [`Authorization: Basic ${credentials}`, FORM]))
  })

  it.each(['Bearer x', 'Basic', 'Digest username="app"', 'Basicx YXBw', 'Negotiate', `Basic\t${BASIC.slice(21)}`, ','])(
    'Q7: Authorization %j is refused',
    async (authorization) => {
      await expectInvalidClient(postForm(await goodForm(), [`Authorization: ${authorization}`, FORM]))
    },
  )

  it('Q8: Basic and body together are refused', async () => {
    for (const secret of [CLIENT.clientSecret, 'x']) {
      await expectInvalidRequest(postForm(`${await goodForm()}&client_id=app&client_secret=${secret}`))
      await expectInvalidRequest(postForm(`${await goodForm()}&client_secret=${secret}`))
    }
    await expectInvalidRequest(postForm(`${await goodForm()}&client_assertion=x&client_assertion_type=y`))
  })

  it('Q8: two Authorization headers are refused, whichever is good', async () => {
    const evil = basicOf('app', 'evil')
    for (const headers of [
      [BASIC, evil],
      [evil, BASIC],
      [BASIC, BASIC],
      [BASIC, 'Authorization: Bearer x'],
    ]) {
      await expectInvalidRequest(postForm(await goodForm(), [...headers, FORM]))
    }
  })

  it('Q8: a client_id in the body that differs is refused', async () => {
    for (const clientId of ['umlaut', 'App', 'app ', 'attacker']) {
      await expectInvalidClient(postForm(`${await goodForm()}&client_id=${encodeURIComponent(clientId)}`))
    }
  })

  it.each(['client_secret', 'assertion', 'client_assertion', 'grant_type'])(
    'Q8: %s in the query is refused',
    async (name) => {
      const good = await goodForm()
      for (const query of [
        `${name}=x`,
        `x=1&${name}=`,
        `%${name.charCodeAt(0).toString(16)}${name.slice(1)}=x`,
        `?${name}=x&${name}=x`,
      ]) {
        const body = name === 'client_secret' ? `${good}&client_id=app&client_secret=${CLIENT.clientSecret}` : good
        const headers = name === 'client_secret' ? [FORM] : [BASIC, FORM]
        const answer = sendBytes(host.url, rawRequest(`POST /oauth2/token?${query}`, headers, body))
        if (query.startsWith('?')) expect((await answer).status).toBe(query === `?${name}=x&${name}=x` ? 400 : 200)
        else await expectInvalidRequest(answer)
      }
    },
  )

  it.each([
    ['another', 'wrong'],
    ['a prefix', CLIENT.clientSecret.slice(0, -1)],
    ['a suffix', `${CLIENT.clientSecret}x`],
    ['a space more', `${CLIENT.clientSecret} `],
    ['NUL more', `${CLIENT.clientSecret}\u0000`],
    ['capitals', CLIENT.clientSecret.toUpperCase()],
    ['nothing', ''],
    ['undefined', 'undefined'],
    ['its digest', 'sha256:0000000000000000000000000000000000000000000000000000000000000000'],
    ['half a megabyte', 'x'.repeat(40_000)],
  ])('Q9: %s is not the secret', async (_name, secret) => {
    const encoded = encodeURIComponent(secret)
    if (encoded.length < 2000) await expectInvalidClient(postForm(await goodForm(), [basicOf('app', encoded), FORM]))
    await expectInvalidClient(postForm(`${await goodForm()}&client_id=app&client_secret=${encoded}`, [FORM]))
    await expectInvalidClient(postForm(`${await goodForm()}&client_id=nobody&client_secret=${encoded}`, [FORM]))
  })

  it('Q9: a multibyte character at the end of a secret counts', async () => {
    expect(
      (await postForm(await goodForm(), [basicOf('umlaut', encodeURIComponent('app-secret-of-the-ü')), FORM])).status,
    ).toBe(200)
    for (const last of ['', 'û', 'u', 'u\u0308', '\u00c3', '\ufffd']) {
      await expectInvalidClient(
        postForm(await goodForm(), [basicOf('umlaut', encodeURIComponent(`app-secret-of-the-${last}`)), FORM]),
      )
    }
  })

  it('Q9: unknown client, wrong secret and no secret get one answer', async () => {
    const answers = [
      await postForm(await goodForm(), [basicOf('nobody', 'x'), FORM]),
      await postForm(await goodForm(), [basicOf('app', 'x'), FORM]),
      await postForm(await goodForm(), [FORM]),
      await postForm(`${await goodForm()}&client_id=app`, [FORM]),
      await postForm(await goodForm(), ['Authorization: Basic %%%', FORM]),
    ]
    const seen = answers.map(({ status, text, headers }) => [status, text, headers['www-authenticate']].join())
    expect(new Set(seen).size).toBe(1)
  })

  it('Q9: guesses end in 429, for this client and address only', async () => {
    const started = await startExchangeHost({
      idp: { algorithm: 'ES256' },
      exchange: {
        clients: [CLIENT, { clientId: 'other', clientSecret: 'app-secret-of-two' }],
        clientAuthentication: { maxFailures: 3 },
      },
    })
    try {
      for (let guess = 0; guess < 3; guess += 1) {
        await expectInvalidClient(
          postForm(await goodForm(started), [basicOf('other', `guess-${guess}`), FORM], started),
        )
      }
      const expected = {
        status: 429,
        error: 'temporarily_unavailable',
        headers: { 'retry-after': expect.stringMatching(/^\d+$/) },
      }
      await expectRefusal(
        postForm(await goodForm(started), [basicOf('other', 'app-secret-of-two'), FORM], started),
        expected,
      )
      const forged = [basicOf('other', 'guess'), FORM, 'X-Forwarded-For: 10.0.0.1', 'Forwarded: for=10.0.0.1']
      await expectRefusal(postForm(await goodForm(started), forged, started), expected)
    } finally {
      await closeUnharmed(started)
    }
  })
})

describe('the scope of a token request', () => {
  it.each([
    ['unknown', 'admin'],
    ['a quote', 'openid "'],
    ['a backslash', 'openid \\'],
    ['CRLF', 'openid\r\nSet-Cookie: attacker=1'],
    ['a tab', 'openid\torders:read'],
    ['NUL', 'openid\u0000'],
    ['a non-breaking space', 'openid\u00a0orders:read'],
    ['umlauts', 'ümlaut'],
    ['capitals', 'OPENID'],
    ['a prefix', 'open'],
    ['a pattern', '.*'],
    ['a comma', 'openid,orders:read'],
    ['10 000 unknown ones', 'x '.repeat(7000)],
    ['an unknown one of 10 KB', 'x'.repeat(10_000)],
  ])('Q10: a scope with %s is refused', async (_name, scope) => {
    const answer = postForm(`${await goodForm()}&scope=${encodeURIComponent(scope).replaceAll('%20', '+')}`)
    await expectRefusal(answer, { status: 400, error: 'invalid_scope' })
  })

  it('Q10: the answer names each granted scope once', async () => {
    const scope = `admin ${'openid '.repeat(2000)} orders:read orders:write`
    const answer = await postForm(`${await goodForm()}&scope=${scope.replaceAll(' ', '+')}`)
    expect([answer.status, JSON.parse(answer.text).scope]).toEqual([200, 'openid orders:read'])
  })

  it('Q10: a client gets no grant that it may not use', async () => {
    const answer = postForm(await goodForm(), [basicOf('narrow', 'app-secret-of-the-narrow'), FORM])
    await expectRefusal(answer, { status: 400, error: 'unauthorized_client' })
  })
})

describe('the Authorization header of a protected route', () => {
  const paths = ['/me', '/whoami', '/orders']

  it.each([
    'Bearer abc", error="none',
    'Bearer abc"',
    'Bearer abc,def',
    'Bearer <script>',
    'Bearer abc\\',
    'Bearer realm="attacker"',
  ])('Q11: %j does not get into the challenge', async (authorization) => {
    for (const path of paths) await expectInvalidToken(host, path, authorization, 'malformed_authorization')
  })

  it('Q11: input does not get into the challenge for a missing scope', async () => {
    const token = await host.accessToken({ sub: 'attacker", error="none' })
    const { status, headers, text } = await request(host.url).get('/admin').auth(token, { type: 'bearer' })
    expect([status, text]).toEqual([403, 'Forbidden'])
    expect(headers['www-authenticate']).toBe(
      `Bearer realm="${ISSUER}", error="insufficient_scope", error_description="The access token lacks a required scope", scope="admin"`,
    )
  })

  it('Q12: an obsolete fold and control characters in the header are refused by the host', async () => {
    const token = await host.accessToken()
    for (const value of [
      `Bearer\u0000${token}`,
      `Bearer ${token}\u0000`,
      `Bearer\u0001 ${token}`,
      `Bearer ${token}\u007f`,
    ]) {
      const answer = await sendBytes(host.url, rawRequest('GET /me', [`Authorization: ${value}`]))
      expect([400, 401]).toContain(answer.status)
    }
  })

  const malformed: [name: string, value: (token: string) => string][] = [
    ['a tab for the space', (token) => `Bearer\t${token}`],
    ['a tab after the space', (token) => `Bearer \t${token}`],
    ['two tokens', (token) => `Bearer ${token} ${token}`],
    ['a word more', (token) => `Bearer ${token} x`],
    ['two tokens with a comma', (token) => `Bearer ${token},${token}`],
    ['two schemes in one header', (token) => `Bearer ${token}, Basic YXBwOng=`],
    ['the scheme twice', (token) => `Bearer Bearer ${token}`],
    ['no token', () => 'Bearer'],
    ['a padding alone', () => 'Bearer ='],
    ['= in the middle', (token) => `Bearer =${token}`],
    ['a Latin-1 letter', (token) => `Bearer ${token}\u00e9`],
    ['a non-breaking space', (token) => `Bearer ${token}\u00a0`],
    ['quotes', (token) => `Bearer "${token}"`],
  ]
  it.each(malformed)('Q12: %s: refused as malformed', async (_name, value) => {
    const token = await host.accessToken()
    for (const path of ['/me', '/orders']) {
      const answer = await sendBytes(host.url, rawRequest(`GET ${path}`, [`Authorization: ${value(token)}`]))
      expectInvalidTokenAnswer(answer)
      expect(host.lastReason()).toBe('malformed_authorization')
    }
  })

  it.each([
    ['15 KB without a space', 'x'.repeat(15_000)],
    ['15 KB of spaces', `Bearer${' '.repeat(15_000)}"`],
    ['15 KB of =', `Bearer ${'='.repeat(15_000)}"`],
    ['15 KB of token', `Bearer ${'a'.repeat(15_000)}`],
    ['15 KB of token and a quote', `Bearer ${'a'.repeat(15_000)}"`],
    ['15 KB of words', `Bearer ${'a '.repeat(7500)}`],
  ])('Q12: %s cost no time', async (_name, authorization) => {
    for (const path of paths) {
      const start = performance.now()
      const answer = await sendBytes(host.url, rawRequest(`GET ${path}`, [`Authorization: ${authorization}`]))
      expect(answer.status).toBe(401)
      expect(performance.now() - start).toBeLessThan(5000)
    }
  })

  it.each(['Basic YXBwOng=', 'Bearerx abc', 'Token abc', 'DPoP abc', ''])(
    'Q12: %j carries no bearer token',
    async (value) => {
      for (const path of paths) {
        await expectNoToken(sendBytes(host.url, rawRequest(`GET ${path}`, [`Authorization: ${value}`])))
      }
    },
  )

  it('Q12: a token in the query, a form or a cookie is ignored', async () => {
    const token = await host.accessToken()
    for (const path of ['/me', '/orders', '/whoami']) {
      await expectNoToken(
        sendBytes(host.url, rawRequest(`GET ${path}?access_token=${token}`, [`Cookie: access_token=${token}`])),
      )
    }
    await expectNoToken(sendBytes(host.url, rawRequest('POST /orders', [FORM], `access_token=${token}`)))
  })

  it('Q12: a second token in the query is refused', async () => {
    const token = await host.accessToken()
    for (const query of [
      'access_token=x',
      `access_token=${token}`,
      'access_token=',
      'x=1&access_token=x',
      '%61ccess_token=x',
    ]) {
      for (const path of paths) {
        const answer = await sendBytes(host.url, rawRequest(`GET ${path}?${query}`, [`Authorization: Bearer ${token}`]))
        expect([answer.status, host.lastReason()]).toEqual([400, 'token_sent_twice'])
        expect(answer.headers['www-authenticate']).toMatch(/^Bearer realm="[^"]*", error="invalid_request"/)
      }
    }
  })

  it('Q12: two Authorization headers are refused, whichever is good', async () => {
    const good = `Authorization: Bearer ${await host.accessToken()}`
    for (const headers of [
      [good, 'Authorization: Bearer x'],
      ['Authorization: Bearer x', good],
      [good, good],
      [good, BASIC],
    ]) {
      for (const path of ['/me', '/orders']) {
        const answer = await sendBytes(host.url, rawRequest(`GET ${path}`, headers))
        expect([answer.status, host.lastReason()]).toEqual([400, 'token_sent_twice'])
      }
    }
    const answer = await sendBytes(host.url, rawRequest('GET /me', [BASIC, good]))
    expect([400, 401]).toContain(answer.status)
  })

  it('Q12: a second token in a parsed form is refused', async () => {
    const started = await startExchangeHost({
      idp: { algorithm: 'ES256' },
      before: (app) => app.use(express.urlencoded({ extended: true })),
    })
    try {
      const authorization = `Authorization: Bearer ${await started.accessToken()}`
      for (const body of ['access_token=x', 'access_token[]=x', 'access_token[x]=x']) {
        const answer = sendBytes(started.url, rawRequest('POST /orders', [authorization, FORM], body))
        await expectInvalidRequest(answer)
        expect(started.lastReason()).toBe('token_sent_twice')
      }
    } finally {
      await closeUnharmed(started)
    }
  })

  it.each(['bearer', 'BEARER', 'bEaReR', 'Bearer  '])('Q12: the scheme as %j is accepted', async (scheme) => {
    const headers = [`Authorization: ${scheme} ${await host.accessToken()}`]
    for (const path of ['/me', '/orders']) {
      expect((await sendBytes(host.url, rawRequest(`GET ${path}`, headers))).status).toBe(200)
    }
  })
})

describe('what proxies and hosts may say', () => {
  const forwarded = [
    'X-Forwarded-Uri: https://attacker.example/token',
    'X-Forwarded-Host: attacker.example',
    'X-Forwarded-Proto: http',
    'X-Forwarded-Prefix: /attacker',
    'X-Original-URL: /attacker',
    'X-Rewrite-URL: /attacker',
    'Forwarded: host=attacker.example;proto=https',
    'X-Forwarded-Client-Cert: attacker',
    'X-Forwarded-User: admin',
    'X-Remote-User: admin',
  ]

  it('Q13: an assertion for the forwarded URL is for another audience', async () => {
    for (const aud of [
      'https://attacker.example/token',
      'https://attacker.example/oauth2/token',
      `${host.url}/oauth2/token`,
    ]) {
      const body = `grant_type=${GRANT_TYPE}&assertion=${await host.idp.issueAssertion({ aud })}`
      const bytes = rawRequest('POST /oauth2/token', [BASIC, FORM, ...forwarded], body)
      await expectInvalidGrant(sendBytes(host.url, bytes), host, 'wrong_audience')
    }
    const absolute = rawRequest(
      'POST http://attacker.example/oauth2/token',
      [BASIC, FORM, ...forwarded],
      `grant_type=${GRANT_TYPE}&assertion=${await host.idp.issueAssertion({ aud: 'http://attacker.example/oauth2/token' })}`,
    )
    await expectInvalidGrant(sendBytes(host.url, absolute), host, 'wrong_audience')
  })

  it('Q13: forwarded headers change neither token, key set nor metadata', async () => {
    const answer = await postForm(await goodForm(), [BASIC, FORM, ...forwarded])
    const token = await host.exchange.verifyAccessToken(JSON.parse(answer.text).access_token)
    expect(token).toMatchObject({ sub: 'alice', issuer: ISSUER, audience: [AUDIENCE] })
    for (const path of ['/oauth2/jwks', '/.well-known/oauth-authorization-server/oauth2']) {
      const { status, text } = await sendBytes(host.url, rawRequest(`GET ${path}`, forwarded))
      expect(status).toBe(200)
      expect(text).not.toMatch(/attacker/)
    }
  })

  it('Q13: X-HTTP-Method-Override does not turn a GET into a POST', async () => {
    for (const name of ['X-HTTP-Method-Override', 'X-HTTP-Method', 'X-Method-Override']) {
      const bytes = rawRequest('GET /oauth2/token?_method=POST', [BASIC, FORM, `${name}: POST`], await goodForm())
      await expectInvalidRequest(sendBytes(host.url, bytes), 405)
    }
  })

  it('Q13: requireHttps trusts a header only if the host trusts its proxy', async () => {
    const started = await startExchangeHost({ idp: { algorithm: 'ES256' }, exchange: { requireHttps: true } })
    try {
      const headers = [BASIC, FORM, 'X-Forwarded-Proto: https', 'Forwarded: proto=https', 'X-Forwarded-Ssl: on']
      await expectInvalidRequest(postForm(await goodForm(started), headers, started))
      started.app.set('trust proxy', 'loopback')
      expect((await postForm(await goodForm(started), headers, started)).status).toBe(200)
    } finally {
      await started.close()
    }
  })
})

describe('what an answer and the log reveal', () => {
  it('Q14: everything that can be wrong with an assertion gets one answer, byte for byte', async () => {
    const { idp } = host
    const attackerKey = await generateFakeKey('ES256')
    const used = await idp.issueAssertion()
    await host.exchangeAssertion(used)
    const assertions = [
      'attacker',
      joinParts({ alg: 'none' }, goodClaims(idp), 'x'),
      await idp.issueAssertion({ iss: 'https://attacker.example' }),
      await idp.issueAssertion({}, { kid: 'attacker' }),
      await signAssertion(attackerKey, { alg: 'ES256', kid: idp.signingKey.kid }, goodClaims(idp)),
      await idp.issueAssertion({ exp: 1 }),
      await idp.issueAssertion({ aud: 'attacker' }),
      await idp.issueAssertion({ sub: 'app' }),
      await idp.issueAssertion({}, { crit: ['x'] }),
      used,
      'x'.repeat(40_000),
    ]
    const start = host.events.length
    const answers = []
    for (const assertion of assertions) answers.push(await postForm(`grant_type=${GRANT_TYPE}&assertion=${assertion}`))
    const seen = answers.map(({ status, headers, text }) =>
      JSON.stringify({ status, text, ...headers, date: undefined }),
    )
    expect(new Set(seen).size).toBe(1)
    expect(JSON.parse(answers[0]?.text ?? '')).toEqual({
      error: 'invalid_grant',
      error_description: INVALID_GRANT_TEXT,
    })
    const rejections = host.events.slice(start).filter(({ name }) => name === 'token.rejected')
    expect(rejections.map(({ reason }) => reason)).toEqual([
      'malformed_jwt',
      'algorithm_not_allowed',
      'unknown_issuer',
      'unknown_key',
      'bad_signature',
      'expired',
      'wrong_audience',
      'subject_is_client_id',
      'unsupported_header',
      'replayed',
      'too_large',
    ])
  })

  it('Q14: nobody learns of an identity provider without client authentication', async () => {
    const { idp } = host
    for (const assertion of [await idp.issueAssertion(), await idp.issueAssertion({ iss: 'x' }), 'x']) {
      await expectInvalidClient(postForm(`grant_type=${GRANT_TYPE}&assertion=${assertion}`, [FORM]))
    }
  })

  it('Q15: a log line of an attacker stays one line, printable and short', async () => {
    const nasty = '\r\n2026-01-01 INFO token issued \u001b[2J\u001b]0;x\u0007\u202e\u2028\u0085\ud800"}'
    const kid = nasty.repeat(4).slice(0, 250)
    const start = host.events.length
    await host.exchangeAssertion(await host.idp.issueAssertion({ sub: nasty, iss: nasty }, { kid }))
    await host.exchangeAssertion(await host.idp.issueAssertion({}, { kid }))
    await host.exchangeAssertion(await host.idp.issueAssertion({}, { alg: nasty }))
    await host.exchangeAssertion(await host.idp.issueAssertion({ sub: 'ß and 𝒋 and שלום' }))
    await postForm(await goodForm(), [basicOf(encodeURIComponent(nasty.replace('\ud800', '')), 'x'), FORM])
    await host.exchangeAssertion(await host.idp.issueAssertion({ sub: 'ß'.repeat(200) }))
    await host.exchangeAssertion(await host.idp.issueAssertion({ sub: 'RTL \u202e and \u2028' }))
    const events = host.events.slice(start).filter(({ name }) => name.startsWith('token.'))
    expect(events.map(({ reason }) => reason)).toEqual([
      'unknown_issuer',
      'unknown_key',
      'algorithm_not_allowed',
      undefined,
      'unknown_client',
      undefined,
      'invalid_subject',
    ])
    for (const value of events.flatMap((event) => Object.values(event)).filter((value) => typeof value === 'string')) {
      expect(value).toMatch(/^[\x20-\x7E]{0,200}$/)
    }
  })

  it('Q15: no event holds an assertion, an access token, a secret or a jti', async () => {
    const jti = 'attacker-jti-attacker'
    const assertion = await host.idp.issueAssertion({ jti })
    const { body } = await host.exchangeAssertion(assertion)
    await host.exchangeAssertion(assertion)
    await request(host.url).get('/me').auth(body.access_token, { type: 'bearer' })
    await request(host.url).get('/me').auth(assertion, { type: 'bearer' })
    await postForm(await goodForm(), [basicOf('app', 'another-secret-attempt'), FORM])
    await postForm(await goodForm(), [basicOf(CLIENT.clientSecret, CLIENT.clientId), FORM])
    const log = JSON.stringify(host.events)
    for (const secret of [
      ...assertion.split('.'),
      ...body.access_token.split('.'),
      CLIENT.clientSecret,
      'another-secret-attempt',
      jti,
    ]) {
      expect(log).not.toContain(secret)
    }
  })

  it('Q15: a failed dependency is reported by name and code, printable and short, without its message', async () => {
    const nasty = `\r\n\u001b[2J\u202e${'x'.repeat(500)}`
    const findClient = () => {
      throw Object.assign(new Error('password of the database'), { name: nasty, code: nasty })
    }
    const started = await startExchangeHost({ idp: { algorithm: 'ES256' }, exchange: { findClient } })
    try {
      await expectUnavailable(
        postForm(await goodForm(started), [BASIC, FORM], started),
        started,
        'client_lookup_failed',
      )
      const cause = started.events.at(-1)?.cause
      expect(cause).toMatch(/^[\x20-\x7E]{1,200}$/)
      expect(cause).not.toContain('password')
    } finally {
      await started.close()
    }
  })
})
