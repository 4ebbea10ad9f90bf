import type { AccessToken } from './access-token/access-token.js'

/**
 * Gives `req.auth` and `req.user` their types in a whole program: `import 'express-jwt-exchange/augment'`, once. Without it,
 * use `getAuth(req)`.
 *
 * Each field of `req.user` may be undefined, because the type `Express.User` is one for all strategies of a program. A member that
 * your own `Express.User` declares wins if its type fits: `sub: string` does, `sub: number` is an error of the compiler. In that
 * case, do not import this, and use `getAuth(req)`.
 */
declare global {
  namespace Express {
    interface Request {
      /** Set by `exchange.protect()`. */
      auth?: AccessToken
    }
    /** Set by Passport: the access token, or what the strategy `'jwt-assertion'` knows of its caller. */
    interface User extends Partial<AccessToken> {}
  }
}
