import express, { type ErrorRequestHandler, type Express, type Router } from 'express'
import type { JwtExchange } from 'express-jwt-exchange'
import 'express-jwt-exchange/augment'
import type { PassportStatic } from 'passport'

/**
 * A host app as you would write it: a token endpoint, and routes that its tokens open, with or without Passport.
 *
 * @param admin for operators only
 */
export function createHostApp(exchange: JwtExchange, passport: PassportStatic | undefined, admin?: Router): Express {
  const app = express()
  app.use(exchange.wellKnown)
  app.use('/oauth2', exchange.router)

  app.get('/orders', exchange.protect({ scope: 'orders:read' }), (req, res) => {
    res.json({ orders: [{ id: 1, item: 'a teapot' }], for: req.auth?.sub })
  })
  if (passport !== undefined) addPassportRoutes(app, exchange, passport)

  // Public, so it says no more than yes or no: `stats()` names the identity providers.
  app.get('/health', (_req, res) => {
    const isUp = hasUsableKeys(exchange)
    res.status(isUp ? 200 : 503).json({ status: isUp ? 'ok' : 'down' })
  })
  if (admin !== undefined) app.use('/admin', admin)
  app.use((_req, res) => {
    res.status(404).json({ error: 'not_found' })
  })
  app.use(answerError)
  return app
}

/** Whether any identity provider that is trusted can be used. */
function hasUsableKeys(exchange: JwtExchange): boolean {
  const trusted = exchange.stats().identityProviders.filter(({ enabled }) => enabled)
  return trusted.length === 0 || trusted.some(({ state }) => state !== 'down')
}

/** Passport is an optional peer dependency. */
export async function loadPassport(): Promise<PassportStatic | undefined> {
  try {
    return (await import('passport')).default
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_MODULE_NOT_FOUND') throw error
    return undefined
  }
}

function addPassportRoutes(app: Express, exchange: JwtExchange, passport: PassportStatic): void {
  passport.use(exchange.accessTokenStrategy)
  passport.use(exchange.assertionStrategy)
  app.get('/me', passport.authenticate('access-token', { session: false }), (req, res) => {
    res.json(withoutToken(req.user))
  })
  app.get('/whoami', passport.authenticate('jwt-assertion', { session: false }), (req, res) => {
    res.json(withoutToken(req.user))
  })
}

/** A token is a secret: it is not sent back. */
function withoutToken(user: Express.User | undefined): object {
  return { ...user, token: undefined }
}

/** Errors that reach the host: an outage behind a Passport strategy has a `status` and `headers`. */
const answerError: ErrorRequestHandler = (error, _req, res, next) => {
  if (res.headersSent) return next(error)
  res
    .status(error.status ?? 500)
    .set(error.headers ?? {})
    .json({ error: error.code ?? 'server_error' })
}
