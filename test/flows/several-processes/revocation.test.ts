import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, beforeAll, expect, it } from '@jest/globals'
import request from 'supertest'
import { FakeIdentityProvider } from '../../../src/testing/index.js'
import {
  APP_CLIENT,
  APP_TOKEN_ENDPOINT,
  type AppConfig,
  type AppProcess,
  startAppOn,
  writeAppConfig,
} from '../../support/app-process.js'
import { GRANT_TYPE } from '../../support/exchange-host.js'
import { describeWithPostgres, describeWithRedisServer } from '../../support/services.js'
import { createSharedDatabase } from '../../support/shared-database.js'
import { startSharedRedis } from '../../support/shared-redis.js'
import type { SharedStore } from '../../support/shared-store.js'

/** What two processes with one revocation store must do, whichever store that is. */
function defineStories(startStore: () => Promise<SharedStore>): void {
  let store: SharedStore
  let idp: FakeIdentityProvider
  let config: AppConfig
  let [here, there]: AppProcess[] = []
  beforeAll(async () => {
    store = await startStore()
    idp = await FakeIdentityProvider.start({ alias: APP_TOKEN_ENDPOINT, algorithm: 'ES256' })
    config = writeAppConfig(idp, '', `[revocation]\n${store.toml}\n`)
    ;[here, there] = await Promise.all([startAppOn(config), startAppOn(config)])
  }, 60_000)
  afterAll(async () => {
    for (const each of [here, there]) await each?.end()
    config.remove()
    await idp.close()
    await store.close()
  })

  const post = (path: string, form: object) => {
    const { clientId, clientSecret } = APP_CLIENT
    return request(here?.url ?? '')
      .post(path)
      .auth(clientId, clientSecret)
      .type('form')
      .send(form)
  }
  const obtain = async (): Promise<string> => {
    const assertion = await idp.issueAssertion()
    return (await post('/oauth2/token', { grant_type: GRANT_TYPE, assertion })).body.access_token
  }
  const statusAt = async (process: AppProcess | undefined, token: string) =>
    (
      await request(process?.url ?? '')
        .get('/orders')
        .auth(token, { type: 'bearer' })
    ).status

  it('a token that is revoked in one process is refused there at once, in the other soon, and after a restart', async () => {
    const [token, other] = [await obtain(), await obtain()]
    for (const each of [here, there]) {
      while ((await statusAt(each, token)) === 503) await pause(20) // It has not read the store so far.
      expect(await statusAt(each, token)).toBe(200)
    }
    expect((await post('/oauth2/revoke', { token })).status).toBe(200)
    expect(await statusAt(here, token)).toBe(401)
    while ((await statusAt(there, token)) !== 401) await pause(20)
    await there?.end()
    there = await startAppOn(config)
    for (;;) {
      const status = await statusAt(there, token)
      if (status === 401) break
      expect(status).toBe(503)
      await pause(20)
    }
    expect(await statusAt(there, other)).toBe(200)
  }, 60_000)
}

describeWithPostgres('revocations of two processes in PostgreSQL', () => defineStories(createSharedDatabase))
describeWithRedisServer('revocations of two processes in Redis', () => defineStories(startSharedRedis))
