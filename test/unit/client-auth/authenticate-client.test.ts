import { describe, expect, it } from '@jest/globals'
import { authenticateClient } from '../../../src/client-auth/authenticate-client.js'
import type { ClientAuthMethod } from '../../../src/client-auth/client-auth-method.js'
import { readClientOptions } from '../../../src/client-auth/client-options.js'
import { digestSecret, hashClientSecret } from '../../../src/client-auth/client-secret.js'
import {
  authenticateBySecret,
  CLIENT_SECRET_BASIC,
  CLIENT_SECRET_POST,
  parseBasicCredentials,
} from '../../../src/client-auth/client-secret-methods.js'
import { FailureLimiter } from '../../../src/client-auth/failure-limiter.js'
import { createFindClient } from '../../../src/client-auth/find-client.js'
import type { TokenRequest } from '../../../src/oauth/token-request.js'
import { OptionReader } from '../../../src/option-checks/option-reader.js'
import { AdjustableClock } from '../../support/adjustable-clock.js'

const CLIENT = {
  clientId: 'app',
  credential: { kind: 'secret' as const, digest: digestSecret('right') },
  scopes: [],
  lifetime: undefined,
  identityProviders: undefined,
  resources: undefined,
  grantTypes: undefined,
}

function attemptsAgainst(findClient: () => Promise<typeof CLIENT | undefined>, maxFailures: number) {
  const failureLimiter = new FailureLimiter({ maxFailures, failureWindow: 600 }, new AdjustableClock())
  return (clientSecret: string) =>
    authenticateBySecret([{ clientId: 'app', clientSecret }], '192.0.2.1', { findClient, failureLimiter }).then(
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

describe('the methods by which clients authenticate', () => {
  const failureLimiter = new FailureLimiter({ maxFailures: 100, failureWindow: 600 }, new AdjustableClock())
  /** A method of a kind that is not built in. */
  const byAssertion: ClientAuthMethod = {
    name: 'private_key_jwt',
    credentialKind: 'secret',
    applies: ({ clientAssertion }) => clientAssertion !== undefined,
    authenticate: async ({ clientAssertion }) => ({ ...CLIENT, clientId: clientAssertion?.assertion ?? '' }),
  }
  const findClient = async () => CLIENT
  const basic = `Basic ${Buffer.from('app:right').toString('base64')}`

  function requestOf(parameters: Record<string, string>, authorization?: string): TokenRequest {
    const { client_assertion: assertion } = parameters
    return {
      one: (name) => parameters[name],
      all: (name) => (parameters[name] === undefined ? [] : [parameters[name]]),
      repeated: [],
      authorization,
      clientAssertion: assertion === undefined ? undefined : { type: undefined, assertion },
      dpopProofs: [],
      clientCertificate: undefined,
      peerAddress: undefined,
      header: () => [],
      remoteAddress: '192.0.2.1',
    }
  }

  /** The id of the client, or why there is none. */
  const outcomeOf = (request: TokenRequest, clientAuthMethods: readonly ClientAuthMethod[]) =>
    authenticateClient(request, { clientAuthMethods, findClient, failureLimiter }).then(
      ({ clientId }) => clientId,
      ({ code, reason }) => `${code} ${reason}`,
    )

  it('are those in the list, and no other', async () => {
    const byBasic = requestOf({}, basic)
    const byPost = requestOf({ client_id: 'app', client_secret: 'right' })
    const byJwt = requestOf({ client_assertion: 'other' })
    const all = [CLIENT_SECRET_BASIC, CLIENT_SECRET_POST, byAssertion]
    expect(await Promise.all([byBasic, byPost, byJwt].map((request) => outcomeOf(request, all)))).toEqual([
      'app',
      'app',
      'other',
    ])
    const refused = 'invalid_client no_client_authentication'
    expect(await outcomeOf(byBasic, [CLIENT_SECRET_POST, byAssertion])).toBe(refused)
    expect(await outcomeOf(byPost, [CLIENT_SECRET_BASIC, byAssertion])).toBe(refused)
    expect(await outcomeOf(byJwt, [CLIENT_SECRET_BASIC, CLIENT_SECRET_POST])).toBe(refused)
    expect(await outcomeOf(requestOf({ client_id: 'app' }), all)).toBe(refused)
  })

  it('are one in a request, even if the other one is off', async () => {
    const refused = 'invalid_request invalid_request'
    const both = requestOf({ client_assertion: 'other' }, basic)
    expect(await outcomeOf(both, [CLIENT_SECRET_BASIC, byAssertion])).toBe(refused)
    expect(await outcomeOf(both, [CLIENT_SECRET_BASIC])).toBe(refused)
    expect(await outcomeOf(both, [byAssertion])).toBe(refused)
  })
})

describe('a client that the host looks up', () => {
  it('is not taken where it has another id than the one that was asked for', async () => {
    const findClient = createFindClient([], () => ({ clientId: 'app', clientSecret: 'the right secret of the tests' }))
    expect(await findClient('APP')).toBeUndefined()
    expect(await findClient('app')).toMatchObject({ clientId: 'app' })
  })
})

describe('a client that the host does not find', () => {
  it('is unknown, also by the id of what is read instead of it', async () => {
    const findClient = createFindClient([], () => undefined)
    for (const clientId of ['app', 'no-client', 'undefined']) expect(await findClient(clientId)).toBeUndefined()
  })

  it('is refused with every secret', async () => {
    const failureLimiter = new FailureLimiter({ maxFailures: 100, failureWindow: 600 }, new AdjustableClock())
    const deps = { findClient: createFindClient([], async () => undefined), failureLimiter }
    for (const clientSecret of ['the secret of no client at all', 'undefined', '\0'.repeat(32)]) {
      await expect(
        authenticateBySecret([{ clientId: 'no-client', clientSecret }], '192.0.2.1', deps),
      ).rejects.toMatchObject({
        status: 401,
        reason: 'unknown_client',
      })
    }
  })

  it('costs the work of one that is found: what is read instead of it satisfies every rule for clients', async () => {
    // It would be an outage, 503, if it did not.
    expect(await createFindClient([], () => null as never)('app')).toBeUndefined()
  })
})

describe('a client id that no client can have', () => {
  it.each(['a\u0000b', 'a\nb', 'ü', 'a'.repeat(2000)])('is not looked up: %j', async (clientId) => {
    const findClient = createFindClient([], () => {
      throw new Error('the database refuses this text')
    })
    expect(await findClient(clientId)).toBeUndefined()
  })
})

describe('an empty secret', () => {
  it('has no hash to configure', () => {
    expect(() => hashClientSecret('')).toThrow('at least 16 characters')
    const reader = new OptionReader({ clientId: 'app', clientSecretHash: `sha256:${digestSecret('').toString('hex')}` })
    readClientOptions(reader)
    expect(() => reader.throwProblems()).toThrow('the hash of an empty string')
  })

  it('is no credential', () => {
    const basic = `Basic ${Buffer.from('app:').toString('base64')}`
    expect(() => parseBasicCredentials(basic)).toThrow('Client authentication failed')
  })
})

describe('a clientSecretHash', () => {
  it.each(['hex', 'HEX', 'base64url'] as const)('may be written in %s', (form) => {
    const digest = digestSecret('right')
    const text = form === 'HEX' ? digest.toString('hex').toUpperCase() : digest.toString(form === 'hex' ? 'hex' : form)
    const reader = new OptionReader({ clientId: 'app', clientSecretHash: `sha256:${text}` })
    expect(readClientOptions(reader).credential).toEqual({ kind: 'secret', digest })
    reader.throwProblems()
  })
})
