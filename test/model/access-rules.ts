import { ISSUER, TOKEN_ENDPOINT } from '../support/exchange-host.js'
import {
  BEARER_GRANT,
  CERTIFICATES,
  CLIENTS,
  type ClientParty,
  OWN_GRANT,
  PROVIDERS,
  type ProviderParty,
} from './parties.js'

/** A request as it is on the wire. */
export interface SentRequest {
  /** The values of the `Authorization` headers. */
  authorization: readonly string[]
  /** In their order, repetitions included. */
  parameters: readonly (readonly [name: string, value: string])[]
  /** `plain`: no TLS; `none`: TLS without a certificate; or the name of a certificate. */
  certificate: string
}

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
  /** The tokens that cannot be used again. */
  used: Set<string>
}

export interface Issued {
  /** undefined: no client. */
  client: string | undefined
  subject: string
  scopes: readonly string[]
  provider: string
  bindings: readonly string[]
}

export interface Refused {
  error: string
  /** Who was authenticated before it was refused: a client, or deliberately nobody. */
  caller?: string | 'nobody'
}

export type Verdict = Issued | Refused

/** Seconds. */
const TOLERANCE = 60
const LIMITS_OF_ASSERTIONS = { lifetime: 86_400, age: 1800 }
const LIMITS_OF_CLIENT_ASSERTIONS = { lifetime: 3600, age: 3600 }
const JWT_BEARER_TYPE = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'

class Refusal extends Error {
  readonly error: string

  constructor(error: string) {
    super(error)
    this.error = error
  }
}

/** Who may obtain what by this request (RFC 6749, RFC 7523, RFC 8705, and the options of the parties), as of now. */
export function judge(sent: SentRequest, memory: Memory, now: number): Verdict {
  let caller: string | undefined
  try {
    checkForm(sent)
    const grantType = requireGrantType(sent)
    const client = hasNothingOfClient(sent) && grantType === BEARER_GRANT ? undefined : authenticate(sent, memory, now)
    caller = client?.id ?? 'nobody'
    if (client?.grantTypes?.includes(grantType) === false) throw new Refusal('unauthorized_client')
    return authorize(sent, client, memory, now)
  } catch (thrown) {
    if (!(thrown instanceof Refusal)) throw thrown
    return { error: thrown.error, ...(caller !== undefined && { caller }) }
  }
}

/** RFC 6749 §3.2: nothing is sent twice, with or without a value. */
function checkForm({ authorization, parameters }: SentRequest): void {
  const names = parameters.map(([name]) => name)
  if (authorization.length > 1 || new Set(names).size < names.length) throw new Refusal('invalid_request')
}

/** RFC 6749 §3.2: a parameter without a value is as good as none. */
function parameterOf({ parameters }: SentRequest, name: string): string | undefined {
  return parameters.find(([each]) => each === name)?.[1] || undefined
}

function requireGrantType(sent: SentRequest): string {
  const grantType = parameterOf(sent, 'grant_type')
  if (grantType === undefined) throw new Refusal('invalid_request')
  if (grantType !== BEARER_GRANT && grantType !== OWN_GRANT) throw new Refusal('unsupported_grant_type')
  return grantType
}

/** A certificate alone names no client: meshes send theirs with every request. */
function hasNothingOfClient(sent: SentRequest): boolean {
  const names = ['client_id', 'client_secret', 'client_assertion', 'client_assertion_type']
  return sent.authorization.length === 0 && names.every((name) => parameterOf(sent, name) === undefined)
}

/** RFC 6749 §2.3: one way, the one that the client is registered for, and the right client. */
function authenticate(sent: SentRequest, memory: Memory, now: number): ClientParty {
  const [header] = sent.authorization
  const [secret, assertion] = [parameterOf(sent, 'client_secret'), parameterOf(sent, 'client_assertion')]
  const ways = [header, secret, assertion].filter((each) => each !== undefined)
  if (ways.length > 1) throw new Refusal('invalid_request')
  const named = CLIENTS.filter(({ id }) => [undefined, id].includes(parameterOf(sent, 'client_id')))
  const found = named.filter((client) => {
    if (header !== undefined) return readingsOf(header).some(([id, text]) => id === client.id && text === client.secret)
    const isNamed = parameterOf(sent, 'client_id') !== undefined
    if (secret !== undefined) return isNamed && client.secret === secret
    if (assertion !== undefined) return isProvedBy(assertion, client, sent, memory, now)
    return isNamed && parameterOf(sent, 'client_assertion_type') === undefined && hasCertificate(client, sent)
  })
  const [client, other] = found
  if (client === undefined || other !== undefined) throw new Refusal('invalid_client')
  if (assertion !== undefined) useUp('client assertion', memory.ledger.get(assertion), memory)
  return client
}

/** Id and secret, form-encoded first (RFC 6749 App. B) or not. */
function readingsOf(header: string): readonly (readonly [id: string, secret: string])[] {
  const [, encoded] = /^basic +([^ ]+)$/i.exec(header) ?? []
  const pair = /^([^:]+):(.+)$/s.exec(Buffer.from(encoded ?? '', 'base64').toString())
  const [, id, secret] = pair ?? []
  if (id === undefined || secret === undefined) return []
  try {
    const decoded = [id, secret].map((part) => decodeURIComponent(part.replaceAll('+', ' ')))
    return [
      [id, secret],
      [decoded[0] ?? '', decoded[1] ?? ''],
    ]
  } catch {
    return [[id, secret]]
  }
}

/** RFC 7523 §2.2 and §3, rfc7523bis §4. */
function isProvedBy(assertion: string, client: ClientParty, sent: SentRequest, { ledger, used }: Memory, now: number) {
  const token = ledger.get(assertion)
  if (token === undefined || parameterOf(sent, 'client_assertion_type') !== JWT_BEARER_TYPE) return false
  const { iss, sub, aud } = token.claims
  return (
    isSignedByOneOf(client.keys ?? [], token) &&
    [undefined, 'JWT', 'client-authentication+jwt'].includes(token.typ) &&
    iss === client.id &&
    sub === client.id &&
    [aud].flat().length === 1 &&
    [aud].flat()[0] === ISSUER &&
    isTimely(token, LIMITS_OF_CLIENT_ASSERTIONS, now) &&
    !used.has(useOf('client assertion', token))
  )
}

/** RFC 8705 §2. */
function hasCertificate({ subjectDn, certificates }: ClientParty, { certificate }: SentRequest): boolean {
  const presented = CERTIFICATES[certificate]
  if (presented === undefined || presented.isExpired) return false
  if (subjectDn !== undefined) return presented.isOfOurAuthority && presented.subjectDn === subjectDn
  return certificates?.includes(certificate) === true
}

/** RFC 7523 §2.1 and §3, and what the parties are allowed. */
function authorize(sent: SentRequest, client: ClientParty | undefined, memory: Memory, now: number): Issued {
  const assertion = parameterOf(sent, 'assertion')
  if (assertion === undefined) throw new Refusal('invalid_request')
  const requested = readScope(parameterOf(sent, 'scope'))
  if (client !== undefined) narrow(requested, [client.scopes])
  const token = memory.ledger.get(assertion)
  const provider = PROVIDERS.find(({ name }) => name === token?.claims.iss)
  const isGood = token !== undefined && provider !== undefined && isGoodAssertion(token, provider, now)
  if (!isGood || !mayExchange(client, provider)) throw new Refusal('invalid_grant')
  const subject = String(token.claims.sub)
  if (!subject.startsWith(provider.subjects) || CLIENTS.some(({ id }) => id === subject))
    throw new Refusal('invalid_grant')
  const bindings = provider.bindings.filter(({ group, clients }) => {
    const isOfClient = clients === undefined || (client !== undefined && clients.includes(client.id))
    return isOfClient && (group === undefined || group === token.claims.group)
  })
  if (bindings.length === 0 && provider.bindings.length > 0) throw new Refusal('invalid_grant')
  const ofBindings = provider.bindings.length === 0 ? undefined : bindings.flatMap(({ scopes }) => scopes)
  const scopes = narrow(requested, [client?.scopes, provider.scopes, ofBindings])
  if (provider.replay === 'once' && memory.used.has(useOf('assertion', token))) throw new Refusal('invalid_grant')
  useUp('assertion', token, memory)
  const giving = bindings.filter(
    (binding) => scopes.length === 0 || scopes.some((each) => binding.scopes.includes(each)),
  )
  return { client: client?.id, subject, scopes, provider: provider.name, bindings: giving.map(({ name }) => name) }
}

function mayExchange(client: ClientParty | undefined, { name, clientIsOptional }: ProviderParty): boolean {
  return client === undefined ? clientIsOptional : (client.providers?.includes(name) ?? true)
}

function isGoodAssertion(token: TokenFacts, { enabled, keys, soleAudience }: ProviderParty, now: number): boolean {
  const { sub, aud } = token.claims
  const audiences = [aud].flat()
  return (
    enabled &&
    isSignedByOneOf(keys, token) &&
    [undefined, 'JWT'].includes(token.typ) &&
    typeof sub === 'string' &&
    sub !== '' &&
    audiences.includes(TOKEN_ENDPOINT) &&
    !(soleAudience && audiences.length > 1) &&
    isTimely(token, LIMITS_OF_ASSERTIONS, now)
  )
}

function isSignedByOneOf(keys: readonly string[], { signedBy, kid }: TokenFacts): boolean {
  return keys.includes(signedBy) && [undefined, signedBy].includes(kid)
}

/** @param limits seconds until `exp` and since `iat` */
function isTimely({ claims }: TokenFacts, limits: { lifetime: number; age: number }, now: number): boolean {
  const [exp, iat, nbf] = [claims.exp, claims.iat ?? now, claims.nbf ?? now].map(Number)
  if (exp === undefined || iat === undefined || nbf === undefined || claims.exp === undefined) return false
  const isYoung = iat <= now + TOLERANCE && now <= iat + limits.age + TOLERANCE
  return now < exp + TOLERANCE && exp <= now + limits.lifetime + TOLERANCE && nbf <= now + TOLERANCE && isYoung
}

/** By its `jti`, or else itself. */
function useOf(purpose: 'assertion' | 'client assertion', { claims }: TokenFacts): string {
  return JSON.stringify([purpose, claims.iss, claims.jti === undefined ? claims : claims.jti])
}

function useUp(purpose: 'assertion' | 'client assertion', token: TokenFacts | undefined, { used }: Memory): void {
  if (token !== undefined) used.add(useOf(purpose, token))
}

/** RFC 6749 §3.3; undefined: none is requested. */
function readScope(scope: string | undefined): readonly string[] | undefined {
  const scopes = scope?.split(' ').filter((each) => each !== '')
  const isScope = (each: string) => /^[!#-[\]-~]+$/.test(each)
  if (scopes !== undefined && !(scopes.length > 0 && scopes.every(isScope))) throw new Refusal('invalid_scope')
  return scopes
}

/** What is requested, or else all of the first bound, within all bounds. To get none of it is a refusal. */
function narrow(requested: readonly string[] | undefined, all: readonly (readonly string[] | undefined)[]) {
  const bounds = all.filter((bound) => bound !== undefined)
  const wanted = [...new Set(requested ?? bounds[0])]
  const granted = wanted.filter((scope) => bounds.every((bound) => bound.includes(scope)))
  if (granted.length === 0 && wanted.length > 0) throw new Refusal('invalid_scope')
  return granted
}
