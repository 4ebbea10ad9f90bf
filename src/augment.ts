import type { AccessToken } from './access-token/access-token.js'

declare global {
  namespace Express {
    interface Request {
      /** Set by `exchange.protect()`. */
      auth?: AccessToken
    }
  }
}
