import { describe, expect, it } from '@jest/globals'
import { authenticateClient } from '../../../src/client-auth/authenticate-client.js'
import { digestSecret } from '../../../src/client-auth/client.js'
import { FailureLimiter } from '../../../src/client-auth/failure-limiter.js'
import { createFindClient } from '../../../src/client-auth/find-client.js'
import { AdjustableClock } from '../../support/adjustable-clock.js'

const CLIENT = {
  clientId: 'app',
  secretDigest: digestSecret('right'),
  scopes: [],
  identityProviders: undefined,
  grantTypes: undefined,
}

function attemptsAgainst(findClient: () => Promise<typeof CLIENT | undefined>, maxFailures: number) {
  const failureLimiter = new FailureLimiter({ maxFailures, failureWindow: 600 }, new AdjustableClock())
  return (clientSecret: string) =>
    authenticateClient({ clientId: 'app', clientSecret }, '192.0.2.1', { findClient, failureLimiter }).then(
      () => 200,
      (error) => error.status,
    )
}

describe('guessing a secret', () => {
  it('is limited for attempts in parallel too, though the client is looked up slowly', async () => {
    const attempt = attemptsAgainst(() => new Promise((resolve) => setTimeout(resolve, 20, CLIENT)), 3)
    const statuses = await Promise.all(Array.from({ length: 10 }, (_, n) => attempt(`guess-${n}`)))
    expect(statuses).toEqual([401, 401, 401, 429, 429, 429, 429, 429, 429, 429])
    expect(await attempt('right')).toBe(429)
  })

  it('does not limit right secrets, however many are presented', async () => {
    const attempt = attemptsAgainst(async () => CLIENT, 1)
    for (let count = 0; count < 5; count += 1) expect(await attempt('right')).toBe(200)
  })
})

describe('a client that the host looks up', () => {
  it('is not taken where it has another id than the one that was asked for', async () => {
    const findClient = createFindClient([], () => ({ clientId: 'app', clientSecret: 'right' }))
    expect(await findClient('APP')).toBeUndefined()
    expect(await findClient('app')).toMatchObject({ clientId: 'app' })
  })
})
