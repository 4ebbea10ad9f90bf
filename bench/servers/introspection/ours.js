// Our introspection endpoint.
import express from 'express'
import { createOurExchange } from '../our-exchange.js'
import { serveContender } from '../serve-contender.js'

serveContender((settings) => {
  const { exchange } = createOurExchange(settings, 'token.issued', { introspection: true, ...settings.more })
  return { app: express().use('/oauth2', exchange.router) }
})
