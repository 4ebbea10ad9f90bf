// Our token endpoint with the replay store in memory, all defaults, and one listener of `token.issued`.
import express from 'express'
import { createOurExchange } from '../our-exchange.js'
import { serveContender } from '../serve-contender.js'

serveContender((settings) => {
  const { exchange, heardEvents } = createOurExchange(settings, 'token.issued')
  return { app: express().use('/oauth2', exchange.router), heardEvents }
})
