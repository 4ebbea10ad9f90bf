import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import express from 'express'
import request from 'supertest'
import { AdjustableClock } from '../support/adjustable-clock.js'
import { type ClockedHost, startClockedHost } from '../support/clocked-host.js'
import { CLIENT, GRANT_TYPE } from '../support/exchange-host.js'
import { sendRequest } from '../support/send-request.js'

const FORM = 'application/x-www-form-urlencoded'
const BASIC = `Basic ${encodeBase64(`${CLIENT.clientId}:${CLIENT.clientSecret}`)}`
/** RFC 6749 App. A.7 and A.8. */
const DESCRIPTION = /^[\x20-\x21\x23-\x5B\x5D-\x7E]+$/
const ODD_CLIENT = { clientId: 'a:p+p %', clientSecret: 's:e+c%r&t =é of the tests', scopes: ['openid'] }
const OTHER_GRANT_CLIENT = {
  clientId: 'other-grant',
  clientSecret: 'another-secret-of-the-tests',
  grantTypes: ['urn:example:other'],
}
const COLON_CLIENT = { clientId: 'colon', clientSecret: 'a:b-of-the-tests' }
const RAW_CLIENT = { clientId: 'r+w 100%', clientSecret: 'r+w:%20 of the tests%', scopes: ['openid'] }
const NO_SCOPE_CLIENT = { clientId: 'no-scope', clientSecret: 'no-scope-secret-of-the-tests' }
const OTHER_CLIENT = { clientId: 'other', clientSecret: 'secret-of-the-other', scopes: ['openid'] }

let host: ClockedHost
beforeAll(async () => {
  host = await startClockedHost({
    exchange: {
      clients: [CLIENT, ODD_CLIENT, OTHER_GRANT_CLIENT, COLON_CLIENT, RAW_CLIENT, NO_SCOPE_CLIENT, OTHER_CLIENT],
    },
  })
})
afterAll(() => host.close())

function encodeBase64(text: string): string {
  return Buffer.from(text).toString('base64')
}

/** As RFC 6749 §2.3.1 has it: form-urlencoded first, then joined. */
function basicOf({ clientId, clientSecret }: { clientId: string; clientSecret: string }): string {
  const encode = (text: string) => new URLSearchParams({ '': text }).toString().slice(1)
  return `Basic ${encodeBase64(`${encode(clientId)}:${encode(clientSecret)}`)}`
}

interface Sending {
  authorization?: string | readonly string[] | undefined
  query?: string
  contentType?: string | undefined
  method?: string
}

/** Posts a form as it is written. */
async function post(body: string | Buffer, sending: Sending = {}) {
  const {
    authorization,
    query = '',
    contentType,
    method = 'POST',
  } = { authorization: BASIC, contentType: FORM, ...sending }
  const response = await sendRequest(`${host.url}/oauth2/token${query}`, {
    method,
    headers: {
      ...(authorization !== undefined && { authorization }),
      ...(contentType !== undefined && { 'content-type': contentType }),
    },
    body,
  })
  const json: Record<string, unknown> = JSON.parse(response.body)
  return { status: response.status, headers: response.headers, body: json, error: json.error }
}

async function form(more: Record<string, string> = {}): Promise<string> {
  return new URLSearchParams({ grant_type: GRANT_TYPE, assertion: await host.assertion(), ...more }).toString()
}

describe('the client', () => {
  it('RFC 6749 §2.3.1: client credentials in the query string are refused, good as they are [rule 2]', async () => {
    const query = `?client_id=${CLIENT.clientId}&client_secret=${CLIENT.clientSecret}`
    expect(await post(await form(), { query })).toMatchObject({ status: 400, error: 'invalid_request' })
    expect(await post(await form(), { query, authorization: undefined })).toMatchObject({
      status: 400,
      error: 'invalid_request',
    })
  })

  it('RFC 6749 §2.3.1: a client_id in the query string identifies nobody [rule 2]', async () => {
    const body = await form({ client_secret: CLIENT.clientSecret })
    expect(await post(body, { query: '?client_id=app', authorization: undefined })).toMatchObject({
      status: 401,
      error: 'invalid_client',
    })
  })

  it.each([
    ['not base64', 'Basic !!!'],
    ['base64 with white space within', 'Basic YXBw OmFwcA=='],
    ['no credentials', 'Basic'],
    ['empty credentials', 'Basic '],
    ['no colon', `Basic ${encodeBase64('app')}`],
    ['no client id', `Basic ${encodeBase64(':secret')}`],
    ['bytes that are not UTF-8', `Basic ${Buffer.from([0x61, 0x3a, 0xff]).toString('base64')}`],
    ['another scheme', 'Bearer YXBwOmFwcA=='],
    ['more characters than any credentials have', `Basic ${'YXBw'.repeat(2000)}`],
  ])('RFC 6749 §5.2: Basic credentials with %s are invalid_client [rule 8]', async (_, authorization) => {
    const response = await post(await form(), { authorization })
    expect(response).toMatchObject({ status: 401, error: 'invalid_client' })
    expect(host.lastReason()).toBe('malformed_credentials')
  })

  it.each([
    ['in the id', '%zz:secret'],
    ['in the secret', 'app:%'],
    ['of bytes that are not UTF-8', 'app:%ff%fe'],
  ])(
    'RFC 6749 §5.2: a broken percent-encoding %s is invalid_client, unless the pair is right as it is [rule 8]',
    async (...row) => {
      const authorization = `Basic ${encodeBase64(row[1])}`
      expect(await post(await form(), { authorization })).toMatchObject({ status: 401, error: 'invalid_client' })
    },
  )

  it('RFC 6749 §2.3.1: Basic credentials that were not form-urlencoded first authenticate as well [rule 257]', async () => {
    const { clientId, clientSecret } = RAW_CLIENT
    const authorization = `Basic ${encodeBase64(`${clientId}:${clientSecret}`)}`
    expect((await post(await form(), { authorization })).status).toBe(200)
    expect((await post(await form(), { authorization: basicOf(RAW_CLIENT) })).status).toBe(200)
    const mixed = `Basic ${encodeBase64(`${encodeURIComponent(clientId)}:${clientSecret}`)}`
    expect(await post(await form(), { authorization: mixed })).toMatchObject({ status: 401, error: 'invalid_client' })
  })

  it('RFC 7617 §2: an id with a colon that was not form-urlencoded does not authenticate [rule 7]', async () => {
    const authorization = `Basic ${encodeBase64(`${ODD_CLIENT.clientId}:${ODD_CLIENT.clientSecret}`)}`
    expect(await post(await form(), { authorization })).toMatchObject({ status: 401, error: 'invalid_client' })
  })

  it('RFC 6749 §2.3.1: id and secret in Basic credentials are form-decoded, colon, plus, percent and space [rule 7]', async () => {
    const authorization = basicOf(ODD_CLIENT)
    expect(Buffer.from(authorization.slice(6), 'base64').toString()).toBe(
      'a%3Ap%2Bp+%25:s%3Ae%2Bc%25r%26t+%3D%C3%A9+of+the+tests',
    )
    expect((await post(await form(), { authorization })).status).toBe(200)
  })

  it('RFC 7617 §2: Basic credentials are split at the first colon, so that a secret may have one as it is [rule 7]', async () => {
    const authorization = `Basic ${encodeBase64(`${COLON_CLIENT.clientId}:${COLON_CLIENT.clientSecret}`)}`
    expect((await post(await form(), { authorization })).status).toBe(200)
  })

  it('RFC 6749 §2.3.1: credentials in the body authenticate as those in the header do [rule 7]', async () => {
    const { clientId, clientSecret } = ODD_CLIENT
    const body = await form({ client_id: clientId, client_secret: clientSecret })
    expect((await post(body, { authorization: undefined })).status).toBe(200)
  })

  it.each(['basic', 'BASIC', 'bAsIc'])('RFC 9110 §11.1: the scheme may be written %s [rule 9]', async (scheme) => {
    expect((await post(await form(), { authorization: BASIC.replace('Basic', scheme) })).status).toBe(200)
  })

  const { clientId: client_id, clientSecret: client_secret } = CLIENT
  it.each<[string, Record<string, string>, Sending]>([
    ['Basic and a client_secret', { client_id, client_secret }, {}],
    ['Basic and a client_secret without a client_id', { client_secret }, {}],
    ['Basic and a client_assertion', { client_assertion: 'e30.e30.c2ln' }, {}],
    [
      'a client_secret and a client_assertion',
      { client_id, client_secret, client_assertion: 'e30.e30.c2ln' },
      { authorization: undefined },
    ],
    ['two Authorization headers', {}, { authorization: [BASIC, BASIC] }],
  ])('RFC 6749 §2.3: %s in one request are invalid_request [rule 10]', async (_, more, sending) => {
    expect(await post(await form(more), sending)).toMatchObject({ status: 400, error: 'invalid_request' })
  })

  it('RFC 6749 §2.3: a client_id in the body that is not the one that authenticates is refused [rule 11]', async () => {
    const response = await post(await form({ client_id: OTHER_CLIENT.clientId }))
    expect(response).toMatchObject({ status: 401, error: 'invalid_client' })
    expect(host.lastReason()).toBe('client_id_mismatch')
  })

  it('RFC 6749 §2.3: a client_id in the body that is the one that authenticates is fine [rule 11]', async () => {
    expect((await post(await form({ client_id: CLIENT.clientId }))).status).toBe(200)
  })

  it('RFC 6749 §3.2.1: a request without client authentication is invalid_client [rule 12]', async () => {
    const answers = [
      await post(await form(), { authorization: undefined }),
      await post(await form({ client_id: CLIENT.clientId }), { authorization: undefined }),
    ]
    for (const answer of answers) expect(answer).toMatchObject({ status: 401, error: 'invalid_client' })
    expect(host.lastReason()).toBe('no_client_authentication')
  })

  it('RFC 6749 §3.2.1: unknown client, wrong secret and no credentials get the same answer [rule 12]', async () => {
    const [first, ...others] = [
      await post(await form(), { authorization: basicOf({ clientId: 'nobody', clientSecret: CLIENT.clientSecret }) }),
      await post(await form(), { authorization: basicOf({ ...CLIENT, clientSecret: 'wrong' }) }),
      await post(await form(), { authorization: basicOf({ ...CLIENT, clientSecret: OTHER_CLIENT.clientSecret }) }),
      await post(await form(), { authorization: basicOf({ ...CLIENT, clientSecret: '' }) }),
      await post(await form({ client_id: 'nobody', client_secret: 'x' }), { authorization: undefined }),
      await post(await form(), { authorization: undefined }),
    ]
    expect(first).toMatchObject({ status: 401, error: 'invalid_client' })
    const withoutDate = ({ headers, ...rest }: Awaited<ReturnType<typeof post>>) => ({
      ...rest,
      headers: { ...headers, date: undefined },
    })
    for (const other of others) expect(withoutDate(other)).toEqual(first && withoutDate(first))
  })

  it('RFC 6749 §5.2: failed authentication through the header is 401 with a challenge of the same scheme [rule 13]', async () => {
    const response = await post(await form(), { authorization: basicOf({ ...CLIENT, clientSecret: 'wrong' }) })
    expect(response).toMatchObject({ status: 401, error: 'invalid_client' })
    expect(response.headers['www-authenticate']).toMatch(/^Basic realm="[^"\\]+"/)
  })

  it('RFC 6749 §5.2: failed authentication through the body is 401 [rule 13]', async () => {
    const body = await form({ client_id: CLIENT.clientId, client_secret: 'wrong' })
    expect(await post(body, { authorization: undefined })).toMatchObject({ status: 401, error: 'invalid_client' })
    expect(host.lastReason()).toBe('wrong_client_secret')
  })

  it('RFC 6749 §5.2: a client that may not use the grant is unauthorized_client [rule 16]', async () => {
    const response = await post(await form(), { authorization: basicOf(OTHER_GRANT_CLIENT) })
    expect(response).toMatchObject({ status: 400, error: 'unauthorized_client' })
  })
})

describe('guessing of client secrets', () => {
  it('RFC 6749 §2.3.1: too many failures are 429 for that client, right secret or not, until time has passed [rule 14]', async () => {
    const clock = new AdjustableClock()
    const guarded = await startClockedHost({
      exchange: {
        clock,
        clients: [CLIENT, OTHER_CLIENT],
        clientAuthentication: { maxFailures: 2, failureWindow: 60 },
      },
    })
    try {
      const attempt = (clientId: string, clientSecret: string) =>
        request(guarded.url)
          .post('/oauth2/token')
          .auth(clientId, clientSecret)
          .type('form')
          .send({ grant_type: GRANT_TYPE, assertion: 'e30.e30.c2ln' })
      expect((await attempt('app', 'guess-1')).status).toBe(401)
      expect((await attempt('app', 'guess-2')).status).toBe(401)
      const blocked = await attempt('app', CLIENT.clientSecret)
      expect(blocked.status).toBe(429)
      expect(blocked.body.error).toBe('temporarily_unavailable')
      expect(blocked.headers['retry-after']).toBe('30')
      expect((await attempt('other', OTHER_CLIENT.clientSecret)).body.error).toBe('invalid_grant')
      clock.advance(29.9)
      expect((await attempt('app', CLIENT.clientSecret)).status).toBe(429)
      clock.advance(0.1)
      expect((await attempt('app', CLIENT.clientSecret)).body.error).toBe('invalid_grant')
    } finally {
      await guarded.close()
    }
  })
})

describe('the token request', () => {
  it.each(['GET', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'])(
    'RFC 6749 §3.2: the method %s is refused with 405 [rule 1]',
    async (method) => {
      const response = await post(await form(), { method })
      expect(response).toMatchObject({ status: 405, error: 'invalid_request' })
      expect(response.headers.allow).toBe('POST')
    },
  )

  it('RFC 6749 §3.2: a HEAD is refused with 405 [rule 1]', async () => {
    expect((await sendRequest(`${host.url}/oauth2/token`, { method: 'HEAD' })).status).toBe(405)
  })

  it('RFC 6749 §3.2: a GET with a complete request in the query gets no token [rule 1]', async () => {
    const response = await sendRequest(`${host.url}/oauth2/token?${await form()}`, {
      method: 'GET',
      headers: { authorization: BASIC },
    })
    expect(response.status).toBe(405)
  })

  it('RFC 6749 §3.2: the parameters of a token request in the query string are refused [rule 2]', async () => {
    expect(await post('', { query: `?${await form()}` })).toMatchObject({ status: 400, error: 'invalid_request' })
    const query = `?assertion=${await host.assertion()}`
    expect(await post(`grant_type=${GRANT_TYPE}`, { query })).toMatchObject({ status: 400, error: 'invalid_request' })
  })

  it.each([
    ['application/json', 400],
    ['text/plain', 400],
    ['multipart/form-data; boundary=x', 400],
    ['application/x-www-form-urlencoded-not', 400],
    [undefined, 400],
    [`${FORM}, ${FORM}`, 400],
    [`${FORM} x`, 400],
    [`${FORM}; charset=utf-16`, 415],
    [`${FORM}; charset=iso-8859-15`, 415],
    [`${FORM}; charset=`, 415],
    [`${FORM}; charset`, 415],
    [`${FORM}; charset=utf-8; charset=utf-16`, 415],
    [`${FORM}; charset="utf-8`, 415],
  ])('RFC 6749 App. B: a good form sent as %s is invalid_request [rule 3]', async (contentType, status) => {
    expect(await post(await form(), { contentType })).toMatchObject({ status, error: 'invalid_request' })
  })

  it('RFC 6749 App. B: a JSON body with the right content type is invalid_request [rule 3]', async () => {
    const json = JSON.stringify({ grant_type: GRANT_TYPE, assertion: await host.assertion() })
    expect(await post(json)).toMatchObject({ status: 400, error: 'invalid_request' })
  })

  it('RFC 6749 App. B: a JSON body that the host has parsed is invalid_request [rule 3]', async () => {
    const parsing = await startClockedHost({ before: (app) => app.use(express.json()) })
    try {
      const response = await request(parsing.url)
        .post('/oauth2/token')
        .auth(CLIENT.clientId, CLIENT.clientSecret)
        .send({ grant_type: GRANT_TYPE, assertion: await parsing.assertion() })
      expect(response.status).toBe(400)
      expect(response.body.error).toBe('invalid_request')
    } finally {
      await parsing.close()
    }
  })

  it.each([
    ['a broken percent-encoding', '%zz'],
    ['bytes that are not UTF-8', '%ff%fe'],
  ])('RFC 6749 App. B: an assertion with %s is 400 and no defect [rule 3]', async (_, value) => {
    const response = await post(`grant_type=${GRANT_TYPE}&assertion=${value}`)
    expect(response.status).toBe(400)
    expect(response.error).toMatch(/^invalid_(?:grant|request)$/)
  })

  it.each([
    FORM.toUpperCase(),
    `${FORM};charset=UTF-8`,
    `${FORM}; charset="utf-8"`,
    `${FORM};`,
    `${FORM} ; `,
    `${FORM};; charset = utf8 ;`,
    `${FORM}; Charset="UTF8"`,
    `${FORM}; boundary=x; charset=utf-8`,
    `${FORM}; x`,
    `${FORM}; charset=us-ascii`,
    `${FORM}; charset=ASCII`,
    `${FORM}; charset=ISO-8859-1`,
    `${FORM}; charset="latin1"`,
    `${FORM}; charset=windows-1252`,
  ])('RFC 6749 App. B: a form sent as %s is read [rule 3]', async (contentType) => {
    expect((await post(await form(), { contentType })).status).toBe(200)
  })

  it.each(['us-ascii', 'iso-8859-1', 'windows-1252'])(
    'RFC 6749 App. B: a form in %s is UTF-8 if it is percent-encoded, and is refused if it is not ASCII [rule 3]',
    async (charset) => {
      const contentType = `${FORM}; charset=${charset}`
      const inBody = await form({ client_id: ODD_CLIENT.clientId, client_secret: ODD_CLIENT.clientSecret })
      expect(inBody).toContain('%C3%A9')
      expect((await post(inBody, { contentType, authorization: undefined })).status).toBe(200)
      const inLatin1 = Buffer.from(`${await form()}&x=caf\u00e9`, 'latin1')
      expect(await post(inLatin1, { contentType })).toMatchObject({ status: 415, error: 'invalid_request' })
      expect((await post(inLatin1, { contentType: FORM })).status).toBe(200)
    },
  )

  it('RFC 6749 §3.2: an empty assertion is a missing one [rule 4]', async () => {
    const response = await post(`grant_type=${GRANT_TYPE}&assertion=`)
    expect(response).toMatchObject({ status: 400, error: 'invalid_request' })
  })

  it('RFC 6749 §3.2: an empty grant_type is a missing one [rule 4]', async () => {
    expect(await post(`grant_type=&assertion=x`)).toMatchObject({ status: 400, error: 'invalid_request' })
  })

  it('RFC 6749 §3.2: empty credentials in addition to Basic are ignored [rule 4]', async () => {
    expect((await post(`${await form()}&client_id=&client_secret=&client_assertion=`)).status).toBe(200)
  })

  it('RFC 6749 §3.2: an empty scope is like none [rule 4]', async () => {
    const response = await post(`${await form()}&scope=`)
    expect(response).toMatchObject({ status: 200, body: { scope: 'openid orders:read' } })
  })

  it('RFC 6749 §3.2: unknown parameters are ignored [rule 5]', async () => {
    const more = { audience: 'x', toString: 'x', __proto__x: 'x', constructor: 'x', 'assertion[x]': 'x' }
    expect((await post(`${await form(more)}&__proto__=x&&=&x`)).status).toBe(200)
  })

  it.each([
    ['grant_type', GRANT_TYPE],
    ['assertion', 'x'],
    ['scope', 'openid'],
    ['client_id', CLIENT.clientId],
    ['client_secret', 'x'],
    ['unknown', 'x'],
  ])('RFC 6749 §3.2: the parameter %s twice is invalid_request [rule 6]', async (name, value) => {
    const twice = new URLSearchParams([
      [name, value],
      [name, value],
    ])
    expect(await post(`${await form()}&${twice}`)).toMatchObject({ status: 400, error: 'invalid_request' })
  })

  it.each([true, false])(
    'RFC 6749 §3.2: a repeated parameter is found in a body that the host has parsed, extended: %s [rule 6]',
    async (extended) => {
      const parsing = await startClockedHost({ before: (app) => app.use(express.urlencoded({ extended })) })
      try {
        const send = async (more: string) =>
          await request(parsing.url)
            .post('/oauth2/token')
            .auth(CLIENT.clientId, CLIENT.clientSecret)
            .type('form')
            .send(`grant_type=${GRANT_TYPE}&assertion=${await parsing.assertion()}${more}`)
        const repeated = await send('&assertion=x')
        expect(repeated.status).toBe(400)
        expect(repeated.body.error).toBe('invalid_request')
        expect((await send('')).status).toBe(200)
      } finally {
        await parsing.close()
      }
    },
  )

  it('RFC 6749 §5.2: a request without grant_type is invalid_request [rule 15]', async () => {
    const body = `assertion=${await host.assertion()}`
    expect(await post(body)).toMatchObject({ status: 400, error: 'invalid_request' })
  })

  it.each(['password', 'client_credentials', 'refresh_token', 'authorization_code', '__proto__', 'constructor'])(
    'RFC 6749 §5.2: the grant type %s is unsupported_grant_type [rule 15]',
    async (grant_type) => {
      expect(await post(await form({ grant_type }))).toMatchObject({ status: 400, error: 'unsupported_grant_type' })
    },
  )

  it.each([
    'jwt-bearer',
    GRANT_TYPE.toUpperCase(),
    GRANT_TYPE.replace('urn', 'URN'),
    `${GRANT_TYPE} `,
    ` ${GRANT_TYPE}`,
    `${GRANT_TYPE}/`,
    GRANT_TYPE.replace('grant-type', 'client-assertion-type'),
  ])('RFC 6749 §4.5: the grant type "%s" is not ours, since it is compared exactly [rule 26]', async (grant_type) => {
    expect(await post(await form({ grant_type }))).toMatchObject({ status: 400, error: 'unsupported_grant_type' })
  })

  it('RFC 6749 §4.5: the grant type urn:ietf:params:oauth:grant-type:jwt-bearer is served [rule 26]', async () => {
    const grant_type = 'urn:ietf:params:oauth:grant-type:jwt-bearer'
    expect((await post(await form({ grant_type }))).status).toBe(200)
  })
})

describe('the scope', () => {
  it.each([
    ['unknown', 'unknown'],
    ['more than the client has', 'admin'],
    ['in another case', 'OPENID'],
    ['with a quotation mark', 'openid "orders:read"'],
    ['with a backslash', 'openid orders\\read'],
    ['with a tab between', 'openid\torders:read'],
    ['with a line feed between', 'openid\norders:read'],
    ['with a character outside ASCII', 'openid é'],
    ['with a NUL', 'openid \u0000'],
    ['with commas between', 'openid,orders:read'],
    ['of white space only', ' '],
  ])('RFC 6749 §5.2: a scope %s is invalid_scope [rule 18] [rule 19]', async (_, scope) => {
    expect(await post(await form({ scope }))).toMatchObject({ status: 400, error: 'invalid_scope' })
  })

  it('RFC 6749 §3.3: a client without scopes that asks for one gets invalid_scope [rule 18]', async () => {
    const response = await post(await form({ scope: 'openid' }), { authorization: basicOf(NO_SCOPE_CLIENT) })
    expect(response).toMatchObject({ status: 400, error: 'invalid_scope' })
  })

  it('RFC 6749 §3.3: every character that a scope token may have is accepted [rule 19]', async () => {
    const everyCharacter = Array.from({ length: 0x7e - 0x20 }, (_, index) => String.fromCharCode(0x21 + index))
      .filter((character) => character !== '"' && character !== '\\')
      .join('')
    const wide = await startClockedHost({ exchange: { clients: [{ ...CLIENT, scopes: [everyCharacter] }] } })
    try {
      const response = await wide.exchangeAssertion(await wide.assertion(), { scope: everyCharacter })
      expect(response.status).toBe(200)
      expect(response.body.scope).toBe(everyCharacter)
    } finally {
      await wide.close()
    }
  })

  it('RFC 6749 §3.3: the order of the scope tokens does not matter [rule 19]', async () => {
    const { status, body } = await post(await form({ scope: 'orders:read openid' }))
    expect(status).toBe(200)
    expect(String(body.scope).split(' ').sort()).toEqual(['openid', 'orders:read'])
  })

  it('RFC 6749 §3.3: without a scope all that the client may have is granted [rule 20]', async () => {
    expect(await post(await form())).toMatchObject({ status: 200, body: { scope: 'openid orders:read' } })
  })

  it('RFC 6749 §3.3: without a scope a client that has none gets a token without [rule 20]', async () => {
    const { status, body } = await post(await form(), { authorization: basicOf(NO_SCOPE_CLIENT) })
    expect(status).toBe(200)
    expect(body).not.toHaveProperty('scope')
  })

  it('RFC 6749 §5.1: the answer names a scope that was narrowed [rule 21]', async () => {
    const response = await post(await form({ scope: 'admin orders:read unknown' }))
    expect(response).toMatchObject({ status: 200, body: { scope: 'orders:read' } })
  })
})

describe('the answer', () => {
  it('RFC 6749 §5.2: any bad assertion is 400 invalid_grant with one text [rule 17]', async () => {
    const [header, payload] = (await host.assertion()).split('.')
    const bad = [
      'no JWT',
      `${header}.${payload}.${(await host.assertion()).split('.')[2]}`,
      await host.assertion({ iss: 'https://unknown.example.com' }),
      await host.assertion({ aud: 'https://elsewhere.example.com' }),
      await host.assertion({ exp: host.clock.now() - 3600 }),
      await host.assertion({}, { kid: 'unknown' }),
    ]
    const descriptions = new Set()
    const reasons = new Set()
    for (const assertion of bad) {
      const { status, error, body } = await post(await form({ assertion }))
      expect({ status, error }).toEqual({ status: 400, error: 'invalid_grant' })
      descriptions.add(body.error_description)
      reasons.add(host.lastReason())
    }
    expect(descriptions.size).toBe(1)
    expect(reasons.size).toBe(bad.length)
  })

  it('RFC 6749 §5.1: success is 200 JSON with access_token, token_type and a number of seconds [rule 22]', async () => {
    const response = await post(await form())
    expect(response.status).toBe(200)
    expect(response.headers['content-type']).toMatch(/^application\/json(?:;|$)/)
    expect(response.body).toEqual({
      access_token: expect.stringMatching(/^[\w-]+\.[\w-]+\.[\w-]+$/),
      token_type: 'Bearer',
      expires_in: 3600,
      scope: 'openid orders:read',
    })
  })

  it('RFC 6749 §5.1: expires_in is the lifetime that is configured [rule 22]', async () => {
    const short = await startClockedHost({ exchange: { accessToken: { audience: 'x', lifetime: 61 } } })
    try {
      const { body } = await short.exchangeAssertion(await short.assertion())
      expect(body.expires_in).toBe(61)
    } finally {
      await short.close()
    }
  })

  const errors: [string, () => Promise<Awaited<ReturnType<typeof post>>>][] = [
    ['405', async () => await post('', { method: 'GET' })],
    ['invalid_request', async () => await post('')],
    ['invalid_request of the body parser', async () => await post('x'.repeat(100_000))],
    ['invalid_request of the content type', async () => await post('x', { contentType: `${FORM}; charset=latin1` })],
    ['invalid_client', async () => await post(await form(), { authorization: 'Basic "\\' })],
    ['invalid_grant', async () => await post(await form({ assertion: '"\\\r\né' }))],
    ['unauthorized_client', async () => await post(await form(), { authorization: basicOf(OTHER_GRANT_CLIENT) })],
    ['unsupported_grant_type', async () => await post(await form({ grant_type: '"\\\r\né' }))],
    ['invalid_scope', async () => await post(await form({ scope: '"\\\r\né' }))],
  ]

  it.each(errors)('RFC 6749 §5.1: the error %s is not to be stored [rule 23]', async (_, send) => {
    const { status, headers } = await send()
    expect(status).toBeGreaterThanOrEqual(400)
    expect(headers['cache-control']).toBe('no-store')
    expect(headers.pragma).toBe('no-cache')
    expect(headers['content-type']).toMatch(/^application\/json(?:;|$)/)
  })

  it('RFC 6749 §5.1: a token answer is not to be stored [rule 23]', async () => {
    const { status, headers } = await post(await form())
    expect(status).toBe(200)
    expect(headers['cache-control']).toBe('no-store')
    expect(headers.pragma).toBe('no-cache')
  })

  it.each(errors)('RFC 6749 §5.2: the description of the error %s is plain ASCII text [rule 24]', async (_, send) => {
    const { body } = await send()
    expect(Object.keys(body)).toEqual(['error', 'error_description'])
    expect(body.error_description).toMatch(DESCRIPTION)
  })

  it('RFC 6749 §5.2: no answer repeats what was sent [rule 24]', async () => {
    const marks = { grant_type: 'MARK-type', scope: 'MARK-scope', client_id: 'MARK-id', assertion: 'MARK.MARK.MARK' }
    for (const [name, value] of Object.entries(marks)) {
      const { status, headers, body } = await post(await form({ [name]: value }))
      expect(status).toBeGreaterThanOrEqual(400)
      expect(JSON.stringify({ headers, body })).not.toContain('MARK')
    }
  })
})

describe('transport security', () => {
  it('RFC 6749 §3.2: with requireHttps a request without TLS is refused, forwarded header or not [rule 25]', async () => {
    const secure = await startClockedHost({ exchange: { requireHttps: true } })
    try {
      const parameters = { grant_type: GRANT_TYPE, assertion: await secure.assertion() }
      const plain = await secure.post(parameters)
      expect(plain.status).toBe(400)
      expect(plain.body.error).toBe('invalid_request')
      const forged = await secure.post(parameters).set('X-Forwarded-Proto', 'https')
      expect(forged.status).toBe(400)
    } finally {
      await secure.close()
    }
  })

  it('RFC 6749 §3.2: with requireHttps behind a trusted proxy the forwarded protocol counts [rule 25]', async () => {
    const proxied = await startClockedHost({
      exchange: { requireHttps: true },
      before: (app) => app.set('trust proxy', 'loopback'),
    })
    try {
      const parameters = { grant_type: GRANT_TYPE, assertion: await proxied.assertion() }
      expect((await proxied.post(parameters).set('X-Forwarded-Proto', 'http')).status).toBe(400)
      expect((await proxied.post(parameters).set('X-Forwarded-Proto', 'https')).status).toBe(200)
    } finally {
      await proxied.close()
    }
  })
})
