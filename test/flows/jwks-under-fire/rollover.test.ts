import { Agent, request as httpRequest } from 'node:http'
import { setTimeout as pause } from 'node:timers/promises'
import { afterEach, describe, expect, it } from '@jest/globals'
import { generateFakeKey, signAssertion } from '../../../src/testing/index.js'
import { CLIENT, GRANT_TYPE } from '../../support/exchange-host.js'
import { goodClaims } from '../../support/forged-jwt.js'
import { startTlsHost, type TlsHost } from '../../support/tls-host.js'

let host: TlsHost
afterEach(() => host.close())

const PATIENT = { connectionTimeout: 2000, readTimeout: 2000 }
const BASIC = `Basic ${Buffer.from(`${CLIENT.clientId}:${CLIENT.clientSecret}`).toString('base64')}`

interface Flood {
  sent: number
  statuses: Set<number>
}

/** Sends assertions under made-up kids, some 1,000 a second, until it is told to stop. */
function startFlood(template: string): { stop: () => Promise<Flood> } {
  const agent = new Agent({ keepAlive: true, maxSockets: 20 })
  const [, payload, signature] = template.split('.')
  const statuses = new Set<number>()
  const answers: Promise<void>[] = []
  const send = () => {
    const header = Buffer.from(JSON.stringify({ alg: 'ES256', kid: `made up ${answers.length}` })).toString('base64url')
    const form = new URLSearchParams({ grant_type: GRANT_TYPE, assertion: `${header}.${payload}.${signature}` })
    const headers = { authorization: BASIC, 'content-type': 'application/x-www-form-urlencoded' }
    const answered = new Promise<void>((resolve, reject) => {
      const sent = httpRequest(`${host.url}/oauth2/token`, { method: 'POST', agent, headers }, (response) => {
        statuses.add(response.statusCode ?? 0)
        response.resume().on('end', resolve)
      })
      sent.on('error', reject).end(form.toString())
    })
    answers.push(answered)
  }
  const timer = setInterval(() => {
    for (let count = 0; count < 10; count += 1) send()
  }, 10)
  return {
    stop: async () => {
      clearInterval(timer)
      await Promise.all(answers)
      agent.destroy()
      return { sent: answers.length, statuses }
    },
  }
}

describe('the request that brings a new key', () => {
  it('succeeds, also right after a fetch, twice within one cooldown', async () => {
    host = await startTlsHost({ jwksEndpoint: PATIENT })
    expect((await host.tryExchange()).status).toBe(200)
    for (let rollover = 1; rollover <= 2; rollover += 1) {
      await host.idp.rotate()
      expect([(await host.tryExchange()).status, host.idp.fetches]).toEqual([200, 1 + rollover])
    }
  })

  it('succeeds within one cooldown while 1,000 made-up kids a second arrive; known keys are not disturbed', async () => {
    const cooldownDuration = 1000 // Longer than a busy machine pauses.
    host = await startTlsHost({ jwksEndpoint: { ...PATIENT, cooldownDuration } })
    expect((await host.tryExchange()).status).toBe(200)
    const startedAt = performance.now()
    const flood = startFlood(await host.idp.issueAssertion())
    await pause(300)
    for (let count = 0; count < 20; count += 1) expect((await host.tryExchange()).status).toBe(200)

    for (let rollover = 1; rollover <= 3; rollover += 1) {
      const old = host.idp.signingKey
      await host.idp.rotate()
      const rolledOverAt = performance.now()
      let status = 0
      while (status !== 200 && performance.now() - rolledOverAt < 10 * cooldownDuration) {
        status = (await host.tryExchange()).status
        const byOldKey = await signAssertion(old, { alg: 'ES256', kid: old.kid }, goodClaims(host.idp))
        expect((await host.exchangeAssertion(byOldKey)).status).toBe(200)
      }
      expect([rollover, status]).toEqual([rollover, 200])
      expect(performance.now() - rolledOverAt).toBeLessThan(5 * cooldownDuration)
    }
    const { sent, statuses } = await flood.stop()
    const elapsed = performance.now() - startedAt
    expect(statuses).toEqual(new Set([400]))
    expect(sent).toBeGreaterThan(100)
    expect(host.idp.fetches).toBeLessThanOrEqual(1 + 2 + 2 * Math.ceil(elapsed / cooldownDuration))
    expect(host.stats().unknownKids).toBeGreaterThanOrEqual(sent)
  }, 60_000)

  it('succeeds though one client keeps sending the kid of a key that is gone: that costs one fetch a cooldown', async () => {
    host = await startTlsHost({ jwksEndpoint: { ...PATIENT, cooldownDuration: 60_000 } })
    await host.tryExchange()
    for (let count = 0; count < 20; count += 1) {
      expect((await host.tryExchange({}, { kid: 'gone' })).status).toBe(400)
    }
    expect([host.idp.fetches, host.stats().budget?.unknownKids]).toEqual([2, 1])
    await host.idp.rotate()
    expect((await host.tryExchange()).status).toBe(200)
  })
})

describe('a withdrawn key', () => {
  async function withdraw(): Promise<() => Promise<number>> {
    const old = host.idp.signingKey
    expect((await host.tryExchange()).status).toBe(200)
    await host.idp.rotate()
    host.idp.withdraw(old.kid)
    return async () => {
      const assertion = await signAssertion(old, { alg: 'ES256', kid: old.kid }, goodClaims(host.idp))
      return (await host.exchangeAssertion(assertion)).status
    }
  }

  it('stops within the cache age', async () => {
    host = await startTlsHost({ jwksEndpoint: { ...PATIENT, cacheMaxAge: 200 } })
    const exchangeByOldKey = await withdraw()
    expect(await exchangeByOldKey()).toBe(200)
    await pause(2 * 200)
    expect(await exchangeByOldKey()).toBe(400)
  })

  it('stops at once with refreshKeys', async () => {
    host = await startTlsHost({ jwksEndpoint: PATIENT })
    const exchangeByOldKey = await withdraw()
    expect(await exchangeByOldKey()).toBe(200)
    const stats = await host.exchange.refreshKeys(host.idp.name)
    expect([await exchangeByOldKey(), stats.kids]).toEqual([400, [host.idp.signingKey.kid]])
  })

  it('stays, and refreshKeys rejects, where the endpoint does not answer; during the back-off it asks all the same', async () => {
    host = await startTlsHost({ jwksEndpoint: { ...PATIENT, failureBackOff: 60_000 } })
    const exchangeByOldKey = await withdraw()
    await host.idp.fault('error')
    for (const fetches of [2, 3]) {
      await expect(host.exchange.refreshKeys(host.idp.name)).rejects.toMatchObject({ reason: 'jwks_unavailable' })
      expect([await exchangeByOldKey(), host.idp.fetches]).toEqual([200, fetches])
    }
    await host.idp.fault('off')
    await host.exchange.refreshKeys(host.idp.name)
    expect(await exchangeByOldKey()).toBe(400)
  })

  it('cannot be refreshed at an identity provider that nobody registered', async () => {
    host = await startTlsHost()
    await expect(host.exchange.refreshKeys('https://nobody.example.com')).rejects.toMatchObject({ name: 'ConfigError' })
  })
})

describe('a key that changes under its kid', () => {
  /** Replaces the published key; the identity provider signs with the new one under the old kid. */
  async function changeKey() {
    const changed = await generateFakeKey('ES256', host.idp.signingKey.kid)
    host.idp.publish([changed.publicJwk])
    return () => signAssertion(changed, { alg: 'ES256', kid: changed.kid }, goodClaims(host.idp))
  }

  it('is noticed by the first signature that fails, at the cost of one fetch', async () => {
    host = await startTlsHost({ jwksEndpoint: PATIENT })
    await host.tryExchange()
    const issue = await changeKey()
    expect([(await host.exchangeAssertion(await issue())).status, host.idp.fetches]).toEqual([200, 2])
  })

  it('has a budget of its own, which forged signatures use up, and made-up kids do not', async () => {
    host = await startTlsHost({ jwksEndpoint: { ...PATIENT, cooldownDuration: 60_000 } })
    await host.tryExchange()
    for (let count = 0; count < 10; count += 1) await host.tryExchange({}, { kid: `made up ${count}` })
    expect([host.idp.fetches, host.stats().budget]).toEqual([3, { unknownKids: 0, badSignatures: 2 }])
    const forger = await generateFakeKey('ES256', host.idp.signingKey.kid)
    for (let count = 0; count < 10; count += 1) {
      const forged = await signAssertion(forger, { alg: 'ES256', kid: forger.kid }, goodClaims(host.idp))
      expect((await host.exchangeAssertion(forged)).status).toBe(400)
    }
    expect([host.idp.fetches, host.stats().budget]).toEqual([5, { unknownKids: 0, badSignatures: 0 }])
    expect((await host.tryExchange()).status).toBe(200)
    expect(host.stats()).toMatchObject({ unknownKids: 10, badSignatures: 10 })
  })
})
