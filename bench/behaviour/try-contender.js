import { once } from 'node:events'
import { createServer, request } from 'node:http'
import express from 'express'
import { FakeIdentityProvider } from '../../dist/testing/index.js'
import { audience } from '../deployment.js'
import { setClocksAhead } from './clocks.js'

/** One route behind the middleware of a contender. */
function createApp(authenticate) {
  const app = express()
  app.get('/orders', authenticate, (_req, res) => res.json({}))
  app.use((error, _req, res, _next) =>
    res
      .status(error.status ?? 500)
      .set(error.headers ?? {})
      .end(),
  )
  return app
}

/** What a situation needs: an app behind one contender, and the identity provider that it trusts. */
async function startTrial({ create }) {
  const idp = await FakeIdentityProvider.start({ algorithm: 'ES256' })
  const { authenticate, close } = create({ issuer: idp.name, jwksUri: idp.jwksUri })
  const server = createServer(createApp(authenticate)).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address()
  return {
    idp,
    token: (claims, header) => issueToken(idp, claims, header),
    url: `http://127.0.0.1:${port}/orders`,
    send: (authorization, more) => send(port, authorization, more),
    end: async () => {
      setClocksAhead(0)
      close?.()
      server.closeAllConnections()
      server.close()
      await idp.close()
    },
  }
}

/** An access token with the claims that RFC 9068 §2.2 requires, and twelve hours to live. */
function issueToken(idp, claims, header) {
  const exp = Math.floor(Date.now() / 1000) + 43_200
  return idp.issueAssertion({ aud: audience, client_id: 'app', exp, ...claims }, { typ: 'at+jwt', ...header })
}

async function send(port, authorization, { query = '', dpop } = {}) {
  const headers = { ...(authorization !== undefined && { authorization }), ...(dpop !== undefined && { dpop }) }
  const sent = request({ port, host: '127.0.0.1', path: `/orders${query}`, headers, agent: false }).end()
  const [response] = await once(sent, 'response')
  response.resume()
  return response
}

/** The answer of one contender in one situation, with an app and an identity provider of its own. */
export async function tryContender(contender, run) {
  const trial = await startTrial(contender)
  try {
    return await run(trial)
  } finally {
    await trial.end()
  }
}
