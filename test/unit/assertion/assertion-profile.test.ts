import { describe, expect, it } from '@jest/globals'
import type { AssertionCheck, PresentedAssertion } from '../../../src/assertion/assertion-profile.js'
import { checkAssertion } from '../../../src/assertion/verify-assertion.js'
import type { IdentityProvider } from '../../../src/identity-provider/identity-provider.js'
import type { UnverifiedJwt } from '../../../src/jwt/parse-jwt.js'

const BEFORE_SIGNATURE = ['enabled', 'size', 'alg', 'typ']
const AFTER_SIGNATURE = ['sub', 'aud', 'exp', 'nbf', 'iat', 'jti', 'kind', 'cnf', 'act']

const jwt = { header: { alg: 'ES256' }, payload: {} } as unknown as UnverifiedJwt
const identityProvider = { name: 'https://idp.example.com' } as IdentityProvider
const client = { clientId: 'app' }
const issuer = 'https://api.example.com'

/** What is done, step by step, while the clock advances with the signature. */
async function runChecks(fail?: string) {
  const seen: { name: string; presented: PresentedAssertion }[] = []
  let now = 100
  const signature: AssertionCheck = {
    name: 'signature',
    check: async () => {
      now = 200
    },
  }
  const checking = checkAssertion(
    { jwt, identityProvider, client, issuer },
    {
      clock: { now: () => now },
      signature,
      run: async ({ name, check }, presented) => {
        seen.push({ name, presented })
        if (name === fail) throw new Error(name)
        if (name === 'signature') await check(presented)
      },
    },
  )
  await Promise.resolve(checking).catch(() => {})
  return seen
}

describe('the checks of assertions', () => {
  it('has checks before the signature, and checks of the claims after it', async () => {
    const seen = await runChecks()
    expect(seen.map(({ name }) => name)).toEqual([...BEFORE_SIGNATURE, 'signature', ...AFTER_SIGNATURE])
  })

  it('ends at the first check that throws', async () => {
    for (const [index, name] of [...BEFORE_SIGNATURE, 'signature', ...AFTER_SIGNATURE].entries())
      expect(await runChecks(name)).toHaveLength(index + 1)
  })

  it('shows each check the JWT, the identity provider, the client and our issuer', async () => {
    for (const { presented } of await runChecks())
      expect(presented).toMatchObject({ jwt, identityProvider, client, issuer })
  })

  it('judges dates by the time at which the signature was verified', async () => {
    const seen = await runChecks()
    const nowOf = (name: string) => seen.find((each) => each.name === name)?.presented.now
    expect([nowOf('enabled'), nowOf('exp'), nowOf('act')]).toEqual([100, 200, 200])
  })
})
