import { authenticate, hasNothingOfClient } from './client-rules.js'
import { BEARER_GRANT, CLIENTS, type ClientParty, OWN_GRANT, type ProviderParty } from './parties.js'
import { parameterOf, Refusal, type SentRequest } from './sent-request.js'
import { findProvider, isGoodAssertion, isUsed, type Memory, type TokenFacts, useOf, useUp } from './token-rules.js'

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
  /** The client that was authenticated before, or that there is none. */
  caller?: string | 'nobody'
}

export type Verdict = Issued | Refused

/**
 * Who may obtain what by this request: RFC 6749, RFC 7523, RFC 8705, and what the parties are registered with. Of several
 * faults, the first in this order is the answer.
 *
 * @param now seconds since the epoch
 */
export function judge(sent: SentRequest, memory: Memory, now: number): Verdict {
  let caller: string | undefined
  try {
    checkForm(sent)
    const grantType = requireGrantType(sent)
    const isAlone = grantType === BEARER_GRANT && hasNothingOfClient(sent)
    const client = isAlone ? undefined : authenticate(sent, memory, now)
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

function requireGrantType(sent: SentRequest): string {
  const grantType = parameterOf(sent, 'grant_type')
  if (grantType === undefined) throw new Refusal('invalid_request')
  if (grantType !== BEARER_GRANT && grantType !== OWN_GRANT) throw new Refusal('unsupported_grant_type')
  return grantType
}

/** The assertion is used up if there is an access token for it only. */
function authorize(sent: SentRequest, client: ClientParty | undefined, memory: Memory, now: number): Issued {
  const assertion = parameterOf(sent, 'assertion')
  if (assertion === undefined) throw new Refusal('invalid_request')
  const requested = readScope(parameterOf(sent, 'scope'))
  if (client !== undefined) narrow(requested, [client.scopes])
  const token = memory.ledger.get(assertion)
  const provider = token && findProvider(token)
  if (token === undefined || provider === undefined || !isGoodAssertion(token, provider, now))
    throw new Refusal('invalid_grant')
  if (!mayExchange(client, provider)) throw new Refusal('invalid_grant')
  const subject = String(token.claims.sub)
  if (CLIENTS.some(({ id }) => id === subject)) throw new Refusal('invalid_grant')
  const bindings = bindingsOf(provider, client, token)
  if (bindings?.length === 0) throw new Refusal('invalid_grant')
  const scopes = narrow(requested, [client?.scopes, provider.scopes, bindings?.flatMap((each) => each.scopes)])
  if (isUsed(useOf(token, provider), memory)) throw new Refusal('invalid_grant')
  useUp(useOf(token, provider), memory)
  const giving = bindings?.filter((each) => scopes.length === 0 || scopes.some((scope) => each.scopes.includes(scope)))
  return {
    client: client?.id,
    subject,
    scopes,
    provider: provider.id,
    bindings: (giving ?? []).map(({ name }) => name),
  }
}

function mayExchange(client: ClientParty | undefined, { id, clientIsOptional }: ProviderParty): boolean {
  return client === undefined ? clientIsOptional : (client.providers?.includes(id) ?? true)
}

/** Those that hold; undefined if the provider has none. */
function bindingsOf({ bindings }: ProviderParty, client: ClientParty | undefined, { claims }: TokenFacts) {
  if (bindings.length === 0) return undefined
  return bindings.filter(({ group, clients }) => {
    const isOfClient = clients === undefined || (client !== undefined && clients.includes(client.id))
    return isOfClient && (group === undefined || group === claims.group)
  })
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
