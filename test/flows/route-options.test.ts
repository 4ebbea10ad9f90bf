import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import express, { type ErrorRequestHandler } from 'express'
import passport from 'passport'
import request from 'supertest'
import type { ProtectOptions } from '../../src/index.js'
import { type ExchangeHost, startExchangeHost } from '../support/exchange-host.js'

let host: ExchangeHost
let token: string
beforeAll(async () => {
  host = await startExchangeHost({ idp: { algorithm: 'ES256' } })
  token = await host.accessToken()
})
afterAll(() => host.close())

const SLIPS: [string, unknown][] = [
  ['scopes instead of scope', { scopes: ['admin'] }],
  ['an empty string', { scope: '' }],
  ['spaces', { scope: '  ' }],
  ['no scope at all in the array', { scope: [] }],
  ['undefined', { scope: undefined }],
  ['null', { scope: null }],
  ['a number', { scope: 5 }],
  ['a set', { scope: new Set(['admin']) }],
  ['an array with a hole', { scope: new Array(1) }],
  ['what is no scope token', { scope: 'ad"min' }],
  ['no scope in anyScope', { anyScope: [] }],
  ['an empty anyScope', { anyScope: '' }],
  ['undefined in anyScope', { anyScope: ['admin', undefined] }],
  ['a misspelled anyScope', { anyscopes: 'admin' }],
  ['no condition', { requiredClaims: {} }],
  ['an undefined condition', { requiredClaims: { department: undefined } }],
  ['a set of conditions', { requiredClaims: new Map([['department', 'sales']]) }],
  ['an unknown operator', { requiredClaims: { department: { equal: 'sales' } } }],
  ['claims instead of requiredClaims', { claims: { department: 'sales' } }],
  ['a misspelled requiredClaims', { requriedClams: { department: 'sales' } }],
  ['no subject', { allowedSubjects: [] }],
  ['a regular expression as a subject', { allowedSubjects: ['^a'] }],
  ['one subject without an array', { allowedSubjects: 'alice' }],
  ['a subject that is no string', { allowedSubjects: [/alice/] }],
  ['a misspelled allowedSubjects', { alowedSubject: ['alice'] }],
  ['an empty resource', { resource: '' }],
  ['several resources', { resource: ['https://api.example.com'] }],
  ['resources instead of resource', { resources: 'https://api.example.com' }],
  ['audience instead of resource', { audience: 'https://api.example.com' }],
  ['no issuer', { issuers: [] }],
  ['a string of issuers', { issuers: 'https://idp.example.com' }],
  ['an empty issuer', { issuers: [''] }],
  ['issuer instead of issuers', { issuer: 'https://idp.example.com' }],
  ['a misspelled check', { chekc: () => true }],
]
/** Of `protect` only. */
const OWN_SLIPS: [string, unknown][] = [
  ['text for optional', { optional: 'true' }],
  ['a number for optional', { optional: 1 }],
  ['undefined for optional', { optional: undefined }],
  ['another name for optional', { credentialsRequired: false }],
  ['a string for getToken', { getToken: 'cookie' }],
  ['undefined for getToken', { getToken: undefined }],
  ['text for passErrors', { passErrors: 'yes' }],
  ['null for jsonErrors', { jsonErrors: null }],
]

describe('a slip in the options of protect', () => {
  it.each<[string, unknown]>([
    ...SLIPS,
    ...OWN_SLIPS,
    ['a string for the options', 'admin'],
    ['an array for the options', ['admin']],
    ['null for the options', null],
    ['a set for the options', new Set(['admin'])],
    ['a map for the options', new Map([['scope', 'admin']])],
    ['an inherited scope', Object.create({ scope: 'admin' })],
    ['a scope inherited from an object without a prototype', Object.create({ __proto__: null, scope: 'admin' })],
  ])('is a ConfigError and opens no route: %s', (_name, options) => {
    expect(() => host.exchange.protect(options as ProtectOptions)).toThrow(
      expect.objectContaining({ name: 'ConfigError' }),
    )
  })
})

describe('the message for a slip with protect', () => {
  const messageOf = (use: () => unknown) => {
    try {
      use()
      return ''
    } catch (error) {
      return (error as Error).message
    }
  }

  it('says which call it was, and shows how it is written', () => {
    const message = messageOf(() => host.exchange.protect('orders:read' as never))
    expect(message).toMatch(/protect: .*a string.*an object, such as protect\({ scope: 'orders:read' }\)/)
    expect(messageOf(() => host.exchange.protect({ scope: 5 } as never))).toContain('protect.scope: ')
  })

  it('suggests the option for a name that is like it', () => {
    expect(messageOf(() => host.exchange.protect({ scopes: ['admin'] } as never))).toMatch(
      /protect\.scopes: .*did you mean ["`]scope["`]/,
    )
    const suggestions = { audience: 'resource', issuer: 'issuers', claims: 'requiredClaims', sub: 'allowedSubjects' }
    for (const [name, suggestion] of Object.entries(suggestions)) {
      expect(messageOf(() => host.exchange.protect({ [name]: 'x' } as never))).toContain(
        `did you mean \`${suggestion}\``,
      )
    }
    expect(messageOf(() => host.exchange.protect({ roles: ['x'] } as never))).toContain('docs/routes.md lists')
  })

  it('says to put all options in one object if there are two', () => {
    const protect = host.exchange.protect as (...given: object[]) => unknown
    expect(messageOf(() => protect({ scope: 'orders:read' }, { optional: true }))).toContain('more than one argument')
  })

  it('says to call it if it was handed to a route uncalled, and the route is closed', async () => {
    let message = ''
    const keepMessage: ErrorRequestHandler = (error, _req, res, _next) => {
      message = error.message
      res.status(500).end()
    }
    const app = express()
    app.get('/', host.exchange.protect as never, (_req, res) => void res.end('open'))
    app.use(keepMessage)
    const response = await request(app).get('/').auth(token, { type: 'bearer' })
    expect([response.status, response.text]).toEqual([500, ''])
    expect(message).toMatch(/protect: got a request; call it .*app\.get\(path, protect\(\), handler\)/)
  })
})

/** The status of a route behind a strategy with these options, and the name of the error that its host was given. */
async function answerBehind(strategy: 'accessTokenStrategy' | 'assertionStrategy', options: object, bearer: string) {
  let errorName = ''
  const keepError: ErrorRequestHandler = (error, _req, res, _next) => {
    errorName = error.name
    res.status(500).end()
  }
  const app = express()
  const guard = passport.authenticate(host.exchange[strategy], { session: false, ...options })
  app.get('/', guard, (_req, res) => void res.end('open'))
  app.use(keepError)
  const { status } = await request(app).get('/').auth(bearer, { type: 'bearer' })
  return [status, errorName]
}

describe('the scope of a route', () => {
  it('stays what it was when the array of the host changes', async () => {
    const scope = ['admin']
    const app = express()
    app.get('/', host.exchange.protect({ scope }), (_req, res) => void res.end('open'))
    scope.length = 0
    const { status } = await request(app).get('/').auth(token, { type: 'bearer' })
    expect(status).toBe(403)
  })
})

describe('a fault behind a strategy', () => {
  it('of Passport reaches the error handler, and none leaves the request hanging', async () => {
    expect(await answerBehind('accessTokenStrategy', { failureMessage: true }, 'bad')).toEqual([500, 'TypeError'])
  })

  it('of a callback that throws is answered 500', async () => {
    const app = express()
    app.get('/', (req, res, next) => {
      const fail = () => {
        throw new Error('a bad callback')
      }
      passport.authenticate(host.exchange.accessTokenStrategy, { session: false }, fail)(req, res, next)
    })
    const { status } = await request(app).get('/').auth(token, { type: 'bearer' })
    expect(status).toBe(500)
  })
})

describe('a slip in the options of passport.authenticate', () => {
  class RouteOptions {
    session = false
    get scope() {
      return 'admin'
    }
  }
  it.each([{ requiredScope: 'admin' }, Object.create({ scope: 'admin' }, {}), new RouteOptions()])(
    'opens no route where the scope has another name or place: %j',
    async (options) => {
      const guard = passport.authenticate(host.exchange.accessTokenStrategy, Object.assign(options, { session: false }))
      const app = express()
      app.get('/', guard, (_req, res) => void res.end('open'))
      const { status } = await request(app).get('/').auth(token, { type: 'bearer' })
      expect([403, 500]).toContain(status)
    },
  )

  it.each(SLIPS)('reaches the error handler and opens no route: %s', async (_name, options) => {
    expect(await answerBehind('accessTokenStrategy', options as object, token)).toEqual([500, 'ConfigError'])
  })

  it.each(OWN_SLIPS.filter(([, options]) => !('credentialsRequired' in Object(options))))(
    'reaches the error handler where the option is of protect: %s',
    async (_name, options) => {
      expect(await answerBehind('accessTokenStrategy', options as object, token)).toEqual([500, 'ConfigError'])
    },
  )

  it('reaches the error handler where an assertion should have scopes', async () => {
    const assertion = await host.idp.issueAssertion()
    expect(await answerBehind('assertionStrategy', { scope: 'admin' }, assertion)).toEqual([500, 'ConfigError'])
    expect(await answerBehind('assertionStrategy', {}, assertion)).toEqual([200, ''])
  })

  it('leaves the options alone that are Passport’s own', async () => {
    const options = { failureMessage: true, assignProperty: 'caller', scope: 'orders:read' }
    expect(await answerBehind('accessTokenStrategy', options, token)).toEqual([200, ''])
    const ofOthers = { state: 'x', prompt: 'none', loginHint: 'x', accessType: 'offline', property: 'user' }
    expect(await answerBehind('accessTokenStrategy', ofOthers, token)).toEqual([200, ''])
  })
})

describe('the token endpoint on a response that fails', () => {
  it('hands the fault to the host', async () => {
    const app = express()
    app.use((_req, res, next) => {
      res.writeHead = () => {
        throw new Error('a patched writeHead')
      }
      next()
    })
    const faults: string[] = []
    const keepError: ErrorRequestHandler = (error, req, _res, _next) => {
      faults.push(error.message)
      req.socket.destroy()
    }
    app.use('/oauth2', host.exchange.router)
    app.use(keepError)
    await expect(request(app).post('/oauth2/token')).rejects.toThrow()
    expect(faults).toEqual(['a patched writeHead'])
  })
})
