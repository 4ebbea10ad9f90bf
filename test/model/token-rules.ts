import { TOKEN_ENDPOINT } from '../support/exchange-host.js'
import { PROVIDERS, type ProviderParty } from './parties.js'

/** What is in a token, and who really signed it. A token that is not in the ledger is no token. */
export interface TokenFacts {
  signedBy: string
  kid: string | undefined
  typ: string | undefined
  claims: Readonly<Record<string, unknown>>
}

/** What the rules remember of a run. */
export interface Memory {
  ledger: ReadonlyMap<string, TokenFacts>
  /** What cannot be used again: see `useOf`. */
  used: Set<string>
}

/** Seconds until `exp`, and since `iat`. */
export interface Limits {
  lifetime: number
  age: number
}

const LIMITS_OF_ASSERTIONS: Limits = { lifetime: 86_400, age: 1800 }
/** By how many seconds clocks may differ. */
const TOLERANCE = 60

/** The entry of the issuer; with several entries, the one for this group. */
export function findProvider({ claims: { iss, group } }: TokenFacts): ProviderParty | undefined {
  return PROVIDERS.find(({ name, onlyGroup }) => name === iss && (onlyGroup === undefined || onlyGroup === group))
}

/** RFC 7523 §3: whether this provider made it, for us, for now, about somebody whom the options accept. */
export function isGoodAssertion(token: TokenFacts, provider: ProviderParty, now: number): boolean {
  const audiences = [token.claims.aud].flat()
  return (
    findProvider(token) === provider &&
    provider.enabled &&
    isSignedByOneOf(provider.keys, token) &&
    [undefined, 'JWT'].includes(token.typ) &&
    audiences.includes(TOKEN_ENDPOINT) &&
    !(provider.soleAudience && audiences.length > 1) &&
    isTimely(token, LIMITS_OF_ASSERTIONS, now) &&
    isAcceptedSubject(token, provider)
  )
}

export function isAcceptedSubject({ claims: { sub } }: TokenFacts, { subjects }: ProviderParty): boolean {
  return typeof sub === 'string' && sub !== '' && sub.startsWith(subjects)
}

export function isOnlyFor({ claims: { aud } }: TokenFacts, audience: string): boolean {
  const audiences = [aud].flat()
  return audiences.length === 1 && audiences[0] === audience
}

export function isSignedByOneOf(keys: readonly string[], { signedBy, kid }: TokenFacts): boolean {
  return keys.includes(signedBy) && [undefined, signedBy].includes(kid)
}

/** `exp` is required. `iat` and `nbf` count if they are there. */
export function isTimely({ claims }: TokenFacts, { lifetime, age }: Limits, now: number): boolean {
  const dateOf = (name: string) => (typeof claims[name] === 'number' ? claims[name] : undefined)
  const [exp, iat = now, nbf = now] = ['exp', 'iat', 'nbf'].map(dateOf)
  if (exp === undefined) return false
  const isBegun = iat <= now + TOLERANCE && nbf <= now + TOLERANCE
  const isTooLong = exp > now + lifetime + TOLERANCE || now > iat + age + TOLERANCE
  return isBegun && !isTooLong && now < exp + TOLERANCE
}

/** Once for each `jti` of whoever made it, or for each payload. A provider may allow any number. */
export function useOf({ claims }: TokenFacts, maker: ProviderParty | { id: string }): string | undefined {
  if ('replay' in maker && maker.replay === 'allow') return undefined
  return JSON.stringify([maker.id, claims.jti ?? claims])
}

export function isUsed(use: string | undefined, { used }: Memory): boolean {
  return use !== undefined && used.has(use)
}

export function useUp(use: string | undefined, { used }: Memory): void {
  if (use !== undefined) used.add(use)
}
