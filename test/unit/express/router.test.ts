import type { IncomingMessage, ServerResponse } from 'node:http'
import { describe, expect, it } from '@jest/globals'
import { Router } from 'express'
import fc from 'fast-check'
import { createJwtExchange, generateSigningKey } from '../../../src/index.js'

const exchange = createJwtExchange({
  issuer: 'https://api.example.com/oauth2',
  accessToken: { audience: 'https://api.example.com', signingKeys: [generateSigningKey('ES256')] },
  introspection: true,
  revocation: { mode: 'check' },
  clients: [{ clientId: 'app', clientSecret: 'a-secret-of-the-app' }],
  identityProviders: [
    { name: 'https://idp.example.com', allowedSubjects: 'any', jwksUri: 'https://idp.example.com/jwks' },
  ],
})

/** Whether a router takes a request for itself, or passes it on. */
function takes(router: (req: never, res: never, next: () => void) => unknown, url: string): boolean {
  let isPassedOn = false
  const req = { url, method: 'PUT', headers: {}, rawHeaders: [] } as unknown as IncomingMessage
  const res = { writeHead: () => res, end: () => {}, setHeader: () => {} } as unknown as ServerResponse
  router(req as never, res as never, () => {
    isPassedOn = true
  })
  return !isPassedOn
}

const express = Router()
for (const path of ['/token', '/jwks', '/introspect', '/revoke']) express.all(path, (_req, res) => void res.end())

const PIECES = ['/', '/', 'token', 'TOKEN', 'jwks', 'introspect', 'revoke', '%74oken', '.', '..', '?', '#', 'a=b', ';']
const rest = fc.array(fc.constantFrom(...PIECES), { maxLength: 6 }).map((parts) => parts.join(''))
/** Node refuses a request whose URL begins with anything else. */
const url = fc.oneof(
  rest.map((each) => `/${each}`),
  rest.map((each) => `http://api.example.com/${each}`),
)

describe('exchange.router', () => {
  it('takes the same URLs as a router of Express with the same paths', () => {
    fc.assert(
      fc.property(url, (each) => {
        expect([each, takes(exchange.router as never, each)]).toEqual([each, takes(express as never, each)])
      }),
      { numRuns: 2000 },
    )
  })

  it.each(['/token', '/jwks', '/introspect', '/revoke'])(
    'takes %s with and without a slash at its end, in any case',
    (path) => {
      for (const each of [path, `${path}/`, path.toUpperCase(), `${path}?a=/b`])
        expect(takes(exchange.router as never, each)).toBe(true)
    },
  )
})
