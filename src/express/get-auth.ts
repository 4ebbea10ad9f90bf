import { type AccessToken, isPresentedAccessToken } from '../access-token/access-token.js'
import { fieldOf } from '../errors/field-of.js'

/**
 * The access token of a request that `exchange.protect()` or the `'access-token'` strategy of Passport has let pass. Its
 * type needs neither `express-jwt-exchange/augment` nor a check for undefined.
 *
 * Only a token that an exchange has verified is returned. What other middleware puts on `req.auth` or `req.user` is not.
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
  for (const field of ['auth', 'user']) {
    const found = fieldOf(req, field)
    if (isPresentedAccessToken(found)) return found
  }
  throw new Error(
    'getAuth: this request has no verified access token; put exchange.protect() or the access-token strategy before the handler',
  )
}
