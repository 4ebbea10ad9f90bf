// An Express app with an exchange, in a process whose Object.prototype another library has extended. Told { id, call, argument }
// it does that, and sends { id, result }.
import express from 'express'
import { createJwtExchange } from 'express-jwt-exchange'
import { loadConfig } from 'express-jwt-exchange/config'
import passport from 'passport'

let exchange
const reasons = []

const OWN_GRANT = { grantType: 'urn:example:own', authorize: () => ({ subject: 'own', scopes: [] }) }

function start(options) {
  exchange = createJwtExchange({ ...options, grants: [OWN_GRANT] })
  for (const name of ['token.rejected', 'access.denied']) exchange.events.on(name, ({ reason }) => reasons.push(reason))
  const app = express()
  const authenticator = new passport.Passport()
  authenticator.use(exchange.accessTokenStrategy)
  authenticator.use(exchange.assertionStrategy)
  app.use('/oauth2', exchange.router)
  const answer = (req, res) => res.json({ caller: req.auth ?? req.user })
  app.get('/open', exchange.protect(), answer)
  app.get('/orders', exchange.protect({ scope: 'orders:read' }), answer)
  app.get('/me', authenticator.authenticate('access-token', { session: false }), answer)
  app.get('/admin', authenticator.authenticate('access-token', { session: false, scope: 'admin' }), answer)
  app.get('/whoami', authenticator.authenticate('jwt-assertion', { session: false }), answer)
  return new Promise((resolve) => {
    const server = app.listen(0, '127.0.0.1', () => resolve(server.address().port))
  })
}

const own = (object, name) => (Object.hasOwn(object, name) ? object[name] : undefined)

const CALLS = {
  start,
  pollute: (members) => {
    for (const [name, value] of Object.entries(members)) {
      // Not by assignment: one member must not get in the way of the next.
      const descriptor = Object.assign(Object.create(null), {
        value,
        enumerable: true,
        writable: true,
        configurable: true,
      })
      Object.defineProperty(Object.prototype, name, descriptor)
    }
  },
  clean: (names) => {
    for (const name of names) delete Object.prototype[name]
  },
  reasons: () => reasons.splice(0),
  refresh: async (name) => {
    const stats = await exchange.refreshKeys(name)
    return JSON.stringify(own(stats, 'kids'))
  },
  explain: async (assertion) => {
    const explanation = await exchange.explain(assertion, { clientId: 'app' })
    const { isAccepted, steps } = explanation
    return JSON.stringify([
      isAccepted,
      own(explanation, 'reason'),
      steps.map(({ step, outcome, found }) => [step, outcome, found.replace(/(?:in )?\d+ s\b(?: ago)?/, '')]),
    ])
  },
  check: (options) => {
    const other = createJwtExchange(options)
    other.close()
    return JSON.stringify(other.stats().identityProviders.map(({ name, enabled }) => [name, enabled]))
  },
  load: (path) => JSON.stringify(loadConfig(path, {})),
}

process.on('message', async ({ id, call, argument }) => {
  let result
  try {
    result = await CALLS[call](argument)
  } catch (error) {
    result = `${error.name}: ${own(error, 'reason') ?? error.message}`
  }
  process.send({ id, result })
})
process.send({ id: 0, result: 'ready' })
