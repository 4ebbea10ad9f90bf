// A route of bare Express that checks nothing.
import express from 'express'
import { routePath, subject } from '../../deployment.js'
import { serveContender } from '../serve-contender.js'

serveContender(() => {
  const app = express()
  app.get(routePath, (_req, res) => res.json({ for: subject }))
  return { app }
})
