// Our token endpoint with the clients of the settings, the replay store in memory, and one listener of `token.issued`.
import express from 'express'
import { createOurExchange } from '../our-exchange.js'
import { serveContender } from '../serve-contender.js'

serveContender(({ clients, ...settings }) => {
  const { exchange, heardEvents } = createOurExchange(settings, 'token.issued', { clients })
  return { app: express().use('/oauth2', exchange.router), heardEvents }
})
