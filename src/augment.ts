import type { AccessToken } from './access-token/access-token.js'

/**
 * Gives `req.auth` and `req.user` their types in the whole program: `import 'express-jwt-exchange/augment'` once. Without it,
 * use `getAuth(req)`.
 *
 * Each field of `req.user` may be undefined, because the type `Express.User` is one for all strategies of a program. A member that
 * your own `Express.User` declares wins if its type fits. `sub: string` fits; `sub: number` is a compile error, so do not import
 * this then, and use `getAuth(req)`.
 */
declare global {
  namespace Express {
    interface Request {
      /** Set by `exchange.protect()`. */
      auth?: AccessToken
    }
    /** Set by Passport: the access token, or with the strategy `'jwt-assertion'` the caller. */
    interface User extends Partial<AccessToken> {}
  }
}
