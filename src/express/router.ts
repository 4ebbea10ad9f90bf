import { Router } from 'express'
import type { Middleware } from './http.js'
import type { MountWarning } from './mount-warning.js'

/** What is mounted at the path of the token endpoint: `/token` and `/jwks`, with every method. */
export function createRouter(tokenEndpoint: Middleware, jwksEndpoint: Middleware, warning: MountWarning): Middleware {
  const router = Router()
  router.all('/token', (req, res, next) => {
    warning.check(req)
    tokenEndpoint(req, res, next)
  })
  router.all('/jwks', jwksEndpoint)
  return router as unknown as Middleware
}
