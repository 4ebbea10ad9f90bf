import { ISSUER } from '../support/exchange-host.js'
import { CERTIFICATES, CLIENTS, type ClientParty, PROVIDERS } from './parties.js'
import { parameterOf, Refusal, type SentRequest } from './sent-request.js'
import {
  isAcceptedSubject,
  isGoodAssertion,
  isOnlyFor,
  isSignedByOneOf,
  isTimely,
  isUsed,
  type Limits,
  type Memory,
  type TokenFacts,
  useOf,
  useUp,
} from './token-rules.js'

const LIMITS_OF_OWN_ASSERTIONS: Limits = { lifetime: 3600, age: 3600 }
const LIMITS_OF_SVIDS: Limits = { lifetime: 86_400, age: 86_400 }
const JWT_BEARER = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'
const JWT_SPIFFE = 'urn:ietf:params:oauth:client-assertion-type:jwt-spiffe'

/** A certificate alone names no client: meshes send theirs with every request. */
export function hasNothingOfClient(sent: SentRequest): boolean {
  const names = ['client_id', 'client_secret', 'client_assertion', 'client_assertion_type']
  return sent.authorization.length === 0 && names.every((name) => parameterOf(sent, name) === undefined)
}

/**
 * RFC 6749 §2.3: one way, the one that the client is registered for, and the right client.
 *
 * @throws Refusal
 */
export function authenticate(sent: SentRequest, memory: Memory, now: number): ClientParty {
  const [header] = sent.authorization
  const [secret, assertion] = [parameterOf(sent, 'client_secret'), parameterOf(sent, 'client_assertion')]
  if ([header, secret, assertion].filter((each) => each !== undefined).length > 1) throw new Refusal('invalid_request')
  const token = assertion === undefined ? undefined : memory.ledger.get(assertion)
  const type = parameterOf(sent, 'client_assertion_type')
  const named = parameterOf(sent, 'client_id')
  const isAuthentic = (client: ClientParty) => {
    if (header !== undefined) return readingsOf(header).some(([id, text]) => id === client.id && text === client.secret)
    if (secret !== undefined) return named !== undefined && client.secret === secret
    if (assertion !== undefined) return token !== undefined && isProof(token, client, type, memory, now)
    return named !== undefined && type === undefined && isOf(client, sent.certificate)
  }
  const [client, other] = CLIENTS.filter((each) => [undefined, each.id].includes(named) && isAuthentic(each))
  if (client === undefined || other !== undefined) throw new Refusal('invalid_client')
  if (token !== undefined) useUp(useOfProof(token, client, type), memory)
  return client
}

/** Id and secret, as they are or form-encoded (RFC 6749 §2.3.1). */
function readingsOf(header: string): readonly (readonly [id: string, secret: string])[] {
  const [, encoded = ''] = /^basic +([^ ]+)$/i.exec(header) ?? []
  const [, id, secret] = /^([^:]+):(.+)$/s.exec(Buffer.from(encoded, 'base64').toString()) ?? []
  if (id === undefined || secret === undefined) return []
  const asSent = [id, secret] as const
  try {
    const decode = (part: string) => decodeURIComponent(part.replaceAll('+', ' '))
    return [asSent, [decode(id), decode(secret)]]
  } catch {
    return [asSent]
  }
}

/** RFC 7523 §2.2 and §3, rfc7523bis §4, draft-ietf-oauth-spiffe-client-auth §3.1. */
function isProof(
  token: TokenFacts,
  client: ClientParty,
  type: string | undefined,
  memory: Memory,
  now: number,
): boolean {
  if (isUsed(useOfProof(token, client, type), memory)) return false
  if (type === JWT_SPIFFE) return isSvidOf(client, token, now)
  return type === JWT_BEARER && (isOwnAssertion(token, client, now) || isAssertionAbout(client, token, now))
}

function isOwnAssertion(token: TokenFacts, { id, keys = [] }: ClientParty, now: number): boolean {
  return (
    isSignedByOneOf(keys, token) &&
    token.claims.iss === id &&
    token.claims.sub === id &&
    isOnlyFor(token, ISSUER) &&
    [undefined, 'JWT', 'client-authentication+jwt'].includes(token.typ) &&
    isTimely(token, LIMITS_OF_OWN_ASSERTIONS, now)
  )
}

function isAssertionAbout({ assertedBy }: ClientParty, token: TokenFacts, now: number): boolean {
  const provider = PROVIDERS.find(({ id }) => id === assertedBy?.provider)
  return provider !== undefined && token.claims.sub === assertedBy?.subject && isGoodAssertion(token, provider, now)
}

/** Only `sub` counts, in which the trust domain is. */
function isSvidOf({ assertedBy }: ClientParty, token: TokenFacts, now: number): boolean {
  const provider = PROVIDERS.find(({ id }) => id === assertedBy?.provider)
  return (
    provider?.enabled === true &&
    token.claims.sub === assertedBy?.subject &&
    provider.name === /^spiffe:\/\/[^/]+(?=\/)/.exec(assertedBy?.subject ?? '')?.[0] &&
    isSignedByOneOf(provider.keys, token) &&
    isOnlyFor(token, ISSUER) &&
    [undefined, 'JWT', 'JOSE'].includes(token.typ) &&
    isTimely(token, LIMITS_OF_SVIDS, now) &&
    isAcceptedSubject(token, provider)
  )
}

/** What a provider says of a client is used up for a grant, too. An SVID may come again. */
function useOfProof(token: TokenFacts, { id, assertedBy }: ClientParty, type: string | undefined): string | undefined {
  if (type === JWT_SPIFFE) return undefined
  return useOf(token, PROVIDERS.find((each) => each.id === assertedBy?.provider) ?? { id })
}

/** RFC 8705 §2. */
function isOf({ subjectDn, certificates }: ClientParty, certificate: string): boolean {
  const presented = CERTIFICATES[certificate]
  if (presented === undefined || presented.isExpired) return false
  if (subjectDn !== undefined) return presented.isOfOurAuthority && presented.subjectDn === subjectDn
  return certificates?.includes(certificate) === true
}
