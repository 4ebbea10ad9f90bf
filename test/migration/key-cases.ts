import type { MigratingApp } from './migrating-app.js'
import { type RouteCases, statusOf } from './route-case.js'

/** Seconds, longer than each library keeps keys by default. */
const KEYS_EXPIRED = 660

/** It is valid also when the clocks of the app are ahead. */
function longToken(app: MigratingApp): Promise<string> {
  return app.accessToken({ exp: Math.floor(Date.now() / 1000) + 3600 })
}

/** Sends a token, so that the keys are fetched; then the token that comes of what happens next, and reports its answer. */
async function afterFirst(app: MigratingApp, then: (first: string) => Promise<string>): Promise<string> {
  const first = await longToken(app)
  const answer = statusOf(await app.get(`Bearer ${first}`))
  if (answer !== '200') return `first ${answer}`
  return statusOf(await app.get(`Bearer ${await then(first)}`))
}

async function withdrawKey(app: MigratingApp): Promise<void> {
  const { kid } = app.idp.signingKey
  await app.idp.rotate()
  app.idp.withdraw(kid)
}

/** Rollover of keys, and outages of the endpoint that has them. */
export const KEYS: RouteCases = {
  'a new key, a minute after keys were fetched': {
    answer: '200',
    send: (app) =>
      afterFirst(app, async () => {
        await app.idp.rotate()
        await app.pass(60)
        return longToken(app)
      }),
  },
  'a new key, at once after keys were fetched': {
    answer: '200',
    send: (app) =>
      afterFirst(app, async () => {
        await app.idp.rotate()
        return longToken(app)
      }),
  },
  'a withdrawn key, 11 minutes later': {
    answer: '401',
    send: (app) =>
      afterFirst(app, async (first) => {
        await withdrawKey(app)
        await app.pass(KEYS_EXPIRED)
        return first
      }),
  },
  'a known key, while the key endpoint is down': {
    answer: '200',
    send: (app) =>
      afterFirst(app, async () => {
        await app.idp.fault('down')
        return longToken(app)
      }),
  },
  'a known key, 11 minutes later, while the key endpoint is down': {
    answer: '200',
    send: (app) =>
      afterFirst(app, async () => {
        await app.idp.fault('down')
        await app.pass(KEYS_EXPIRED)
        return longToken(app)
      }),
  },
  'the first request, while the key endpoint is down': {
    answer: '503',
    send: async (app) => {
      await app.idp.fault('down')
      return statusOf(await app.get(`Bearer ${await longToken(app)}`))
    },
  },
}
