import { challengeOf, type RouteCases, statusOf } from './route-case.js'

const now = () => Math.floor(Date.now() / 1000)

/** Good and bad ways to send a token, and what a route needs of it. */
export const REQUESTS: RouteCases = {
  'no token': { answer: '401', send: async (app) => statusOf(await app.get()) },
  'the scheme in lower case': {
    answer: '200',
    send: async (app) => statusOf(await app.get(`bearer ${await app.accessToken()}`)),
  },
  'the scheme without a token': { answer: '401', send: async (app) => statusOf(await app.get('Bearer')) },
  'another scheme': { answer: '401', send: async (app) => statusOf(await app.get('Basic YWxpY2U6cGFzc3dvcmQ=')) },
  'a token in the header and in the query': {
    answer: '400',
    send: async (app) => {
      const accessToken = await app.accessToken()
      return statusOf(await app.get(`Bearer ${accessToken}`, `/orders?access_token=${accessToken}`))
    },
  },
  'a token in the query only': {
    answer: '401',
    send: async (app) => statusOf(await app.get(undefined, `/orders?access_token=${await app.accessToken()}`)),
  },
  'two `Authorization` headers': {
    answer: '400',
    send: async (app) => statusOf(await app.get([`Bearer ${await app.accessToken()}`, 'Bearer nonsense'])),
  },
  'a token with the scope of the route': {
    answer: '200',
    send: async (app) =>
      statusOf(await app.post(`Bearer ${await app.accessToken({ scope: 'orders:read orders:write' })}`)),
  },
  'a token without the scope of the route': {
    answer: '403',
    send: async (app) => statusOf(await app.post(`Bearer ${await app.accessToken()}`)),
  },
  'a token without any scope': {
    answer: '403',
    send: async (app) => statusOf(await app.post(`Bearer ${await app.accessToken({ scope: undefined })}`)),
  },
}

/** What `WWW-Authenticate` says (RFC 6750 §3). */
export const CHALLENGES: RouteCases = {
  'the challenge for no token': { answer: '`Bearer`', send: async (app) => challengeOf(await app.get()) },
  'the challenge for an expired token': {
    answer: '`invalid_token`',
    send: async (app) => challengeOf(await app.get(`Bearer ${await app.accessToken({ exp: now() - 600 })}`)),
  },
  'the challenge for a missing scope': {
    answer: '`insufficient_scope`',
    send: async (app) => challengeOf(await app.post(`Bearer ${await app.accessToken()}`)),
  },
}

/** Of apps with a route for everybody, where a token is optional. */
export const OPTIONAL: RouteCases = {
  'no token, where a token is optional': {
    answer: '200',
    send: async (app) => statusOf(await app.get(undefined, '/offers')),
  },
  'a good token, where a token is optional': {
    answer: '200',
    send: async (app) => statusOf(await app.get(`Bearer ${await app.accessToken()}`, '/offers')),
  },
  'an expired token, where a token is optional': {
    answer: '401',
    send: async (app) => statusOf(await app.get(`Bearer ${await app.accessToken({ exp: now() - 600 })}`, '/offers')),
  },
}

/** Of apps with a route that requires a claim. */
export const CLAIM_OF_ROUTE: RouteCases = {
  'a token with the claim of the route': {
    answer: '200',
    send: async (app) => statusOf(await app.get(`Bearer ${await app.accessToken({ org: 'acme' })}`, '/reports')),
  },
  'a token without the claim of the route': {
    answer: '403',
    send: async (app) => statusOf(await app.get(`Bearer ${await app.accessToken({ org: 'other' })}`, '/reports')),
  },
}
