import { PresentedToken } from '../access-token/access-token.js'
import { inContext } from '../assertion/assertion-context.js'
import { markAssertionUsed } from '../assertion/mark-used.js'
import { checkSubjectIsNoClient, resolveSubject } from '../assertion/resolve-subject.js'
import {
  SIGNATURE,
  SIGNATURE_AT_ONCE,
  type VerifyAssertionDeps,
  verifyAssertion,
} from '../assertion/verify-assertion.js'
import { printable } from '../errors/printable.js'
import type { OptionReader } from '../option-checks/option-reader.js'
import { enforcePolicy, requireWho } from '../policy/policy.js'
import type { ReplayProtection } from '../replay/replay-protection.js'
import {
  type AuthenticateRequest,
  type AuthenticateRequestDeps,
  createAuthenticateRequest,
} from './authenticate-request.js'

/** The caller that presented an assertion as its bearer token: `req.user` behind the assertion strategy. */
export interface AssertedCaller {
  /** The subject as the option `subject` makes it. */
  sub: string
  /** The `id` (by default the `name`) of the identity provider. */
  identityProvider: string
  /** Seconds since the epoch. */
  expiresAt: number
  /** The assertion as the caller sent it. Not enumerable, so JSON and spreads leave it out. */
  token: string
  /** All claims. */
  payload: Readonly<Record<string, unknown>>
}

export interface AcceptAssertionDeps extends VerifyAssertionDeps {
  replayProtection: ReplayProtection
  findClient: (clientId: string) => Promise<unknown>
  /** Whether a request waits for keys that must be fetched. */
  waitForKeys: boolean
}

export interface AuthenticateAssertionDeps
  extends Pick<AuthenticateRequestDeps<AssertedCaller>, 'challenge' | 'events' | 'proxyWarning'> {
  /** How assertions are verified now: asked once for each request. */
  verification: () => AcceptAssertionDeps
}

/** Authenticates requests by an assertion instead of an access token. */
export function createAuthenticateAssertion({
  verification,
  ...deps
}: AuthenticateAssertionDeps): AuthenticateRequest<AssertedCaller> {
  return createAuthenticateRequest<AssertedCaller>({
    ...deps,
    challenged: {},
    getToken: undefined,
    verify: (token, _req, requireSyntax) => {
      requireSyntax(token)
      return acceptAssertion(token, verification())
    },
    describe: ({ sub, identityProvider }) => ({ subject: printable(sub), identityProvider }),
  })
}

/**
 * How `exchange.assertionStrategy` handles requests. Its callers have no credentials except their assertion.
 *
 * @example
 * const assertionStrategy: AssertionStrategyOptions = { waitForKeys: true }
 */
export interface AssertionStrategyOptions {
  /**
   * What happens to an assertion with an unknown key, or before the first key set was fetched. `true`: it waits for the
   * fetch. A sender of forged assertions can then find out which identity providers are trusted, by response times and by 503
   * in an outage. `false`: it is refused at once with 401, and the keys are fetched in the background for the next request.
   * With `false`, call `await exchange.ready()` before the first request. The token endpoint always waits. Default: false.
   */
  waitForKeys?: boolean
}

export type AssertionStrategySettings = Required<AssertionStrategyOptions>

export function readAssertionStrategyOptions(reader: OptionReader): AssertionStrategySettings {
  const settings = { waitForKeys: reader.boolean('waitForKeys', false) }
  reader.refuseUnknown()
  return settings
}

async function acceptAssertion(token: string, deps: AcceptAssertionDeps): Promise<AssertedCaller> {
  const signature = deps.waitForKeys ? SIGNATURE : SIGNATURE_AT_ONCE
  const assertion = await verifyAssertion(token, undefined, deps, signature)
  const { identityProvider, expiresAt, payload, context } = assertion
  const authorize = async () => {
    requireWho(identityProvider.policy)
    await enforcePolicy(identityProvider.policy, assertion.sub, payload, { identityProvider: identityProvider.id })
    const subject = await resolveSubject(assertion)
    await checkSubjectIsNoClient(subject, deps.findClient)
    await markAssertionUsed(assertion, deps)
    return subject
  }
  const sub = await inContext(() => context, authorize)
  return Object.assign(new PresentedToken(token), { sub, identityProvider: identityProvider.id, expiresAt, payload })
}
