// Our token endpoint with the replay store in Redis, all other defaults, and one listener of `token.issued`.
import express from 'express'
import { createClient } from 'redis'
import { RedisReplayStore } from '../../../dist/redis.js'
import { pinThisProcess } from '../../processes/pin.js'
import { createOurExchange } from '../our-exchange.js'
import { serveContender } from '../serve-contender.js'

serveContender(async (settings) => {
  const { redis, core } = settings
  pinThisProcess(core)
  const client = createClient({ url: redis.url })
  const store = new RedisReplayStore(client, { prefix: redis.prefix })
  await client.connect()
  const { exchange, heardEvents } = createOurExchange(settings, 'token.issued', { replay: { store } })
  return { app: express().use('/oauth2', exchange.router), heardEvents }
})
