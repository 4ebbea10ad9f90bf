import { type AccessToken, isPresentedAccessToken } from '../access-token/access-token.js'
import { fieldOf } from '../errors/field-of.js'

/**
 * The access token of a request that `exchange.protect()` or the `'access-token'` strategy of Passport has let pass. Its
 * type needs neither `express-jwt-exchange/augment` nor a check for undefined.
 *
 * Returns only a token that an exchange has verified, never what other middleware has put on `req.auth` or `req.user`.
 *
 * @example
 * app.get('/orders', exchange.protect({ scope: 'orders:read' }), (req, res) => {
 *   res.json({ for: getAuth(req).sub })
 * })
 *
 * @param req a request of Express, or of another framework that has called `protect`
 * @throws Error if the route is not protected
 */
export function getAuth(req: object): AccessToken {
  const found = findAuth(req)
  if (found !== undefined) return found
  throw new Error(
    'getAuth: this request has no verified access token; put exchange.protect() or the access-token strategy before the handler',
  )
}

/**
 * The same for a route that also lets requests without a token pass: undefined for such a request.
 *
 * @example
 * app.get('/catalogue', exchange.protect({ optional: true }), (req, res) => {
 *   res.json({ prices: findAuth(req) === undefined ? 'public' : 'yours' })
 * })
 */
export function findAuth(req: object): AccessToken | undefined {
  for (const field of ['auth', 'user']) {
    const found = fieldOf(req, field)
    if (isPresentedAccessToken(found)) return found
  }
  return undefined
}
