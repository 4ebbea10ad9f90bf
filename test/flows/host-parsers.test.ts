import { afterEach, describe, expect, it } from '@jest/globals'
import express, { type RequestHandler } from 'express'
import express4 from 'express4'
import { CLIENT, type ExchangeHost, GRANT_TYPE, startExchangeHost } from '../support/exchange-host.js'
import { sendRequest } from '../support/send-request.js'

const BASIC = `Basic ${Buffer.from(`${CLIENT.clientId}:${CLIENT.clientSecret}`).toString('base64')}`

let host: ExchangeHost
afterEach(() => host.close())

const PARSERS: [string, RequestHandler][] = [
  ['no parser', (_req, _res, next) => next()],
  ['express.urlencoded({ extended: true })', express.urlencoded({ extended: true })],
  ['express.urlencoded({ extended: false })', express.urlencoded({ extended: false })],
  ['express.json()', express.json()],
  ['express.text() for every type', express.text({ type: '*/*' })],
  ['express.raw() for every type', express.raw({ type: '*/*' })],
  ["Express 4's urlencoded({ extended: true })", express4.urlencoded({ extended: true }) as unknown as RequestHandler],
  ["Express 4's json()", express4.json() as unknown as RequestHandler],
]

describe.each(PARSERS)('behind %s', (name, parser) => {
  it('an assertion is exchanged', async () => {
    host = await startExchangeHost({ idp: { algorithm: 'ES256' }, before: (app) => app.use(parser) })
    const response = await host.exchangeAssertion(await host.idp.issueAssertion(), { scope: 'openid' })
    expect(response.body).toMatchObject({ token_type: 'Bearer', scope: 'openid' })
  })

  it('a repeated and a nested parameter are refused, or ignored where the name is another one', async () => {
    host = await startExchangeHost({ idp: { algorithm: 'ES256' }, before: (app) => app.use(parser) })
    const assertion = await host.idp.issueAssertion()
    for (const form of [
      `assertion=${assertion}&assertion=${assertion}`,
      `assertion[]=${assertion}`,
      `assertion[x]=${assertion}`,
      `assertion[toString]=${assertion}`,
    ]) {
      const response = await host.post({}).send(`grant_type=urn:ietf:params:oauth:grant-type:jwt-bearer&${form}`)
      expect([response.status, response.body.error]).toEqual([400, 'invalid_request'])
    }
  })

  it('a form in ISO-8859-1 is exchanged where it is ASCII, unless the parser refuses it, and never where it is not', async () => {
    host = await startExchangeHost({ idp: { algorithm: 'ES256' }, before: (app) => app.use(parser) })
    const send = async (more = '') => {
      const form = new URLSearchParams({ grant_type: GRANT_TYPE, assertion: await host.idp.issueAssertion() })
      return await sendRequest(`${host.url}/oauth2/token`, {
        method: 'POST',
        headers: { authorization: BASIC, 'content-type': 'application/x-www-form-urlencoded; charset=ISO-8859-1' },
        body: Buffer.from(`${form}${more}`, 'latin1'),
      })
    }
    expect((await send()).status).toBe(name.startsWith("Express 4's urlencoded") ? 415 : 200)
    expect((await send('&x=caf\u00e9')).status).toBe(415)
  })

  it('JSON is refused', async () => {
    host = await startExchangeHost({ idp: { algorithm: 'ES256' }, before: (app) => app.use(parser) })
    const response = await host.post({}).type('json').send({ assertion: 'a.b.c' })
    expect([response.status, response.body.error]).toEqual([400, 'invalid_request'])
  })
})

describe('behind a middleware that consumed the body and kept nothing', () => {
  it('the error says so', async () => {
    const consume: RequestHandler = (req, _res, next) => {
      req.resume().on('end', () => next())
    }
    host = await startExchangeHost({ idp: { algorithm: 'ES256' }, before: (app) => app.use(consume) })
    const response = await host.exchangeAssertion(await host.idp.issueAssertion())
    expect(response.status).toBe(400)
    expect(response.body).toEqual({ error: 'invalid_request', error_description: expect.stringContaining('consumed') })
    expect(host.lastReason()).toBe('body_not_available')
  })
})
