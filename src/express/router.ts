import { Router } from 'express'
import type { Middleware } from './http.js'

/** What is mounted at the path of the token endpoint: `/token` and `/jwks`, with every method. */
export function createRouter(tokenEndpoint: Middleware, jwksEndpoint: Middleware): Middleware {
  const router = Router()
  router.all('/token', tokenEndpoint)
  router.all('/jwks', jwksEndpoint)
  return router as unknown as Middleware
}
