import { sign } from 'node:crypto'
import { type ClientRequest, Agent as PlainAgent, request as plainRequest } from 'node:http'
import { Agent as TlsAgent, request as tlsRequest } from 'node:https'
import { text } from 'node:stream/consumers'
import { isDeepStrictEqual } from 'node:util'
import { expect } from '@jest/globals'
import { CA_OF_SERVERS, startCertificateServer } from '../support/certificate-host.js'
import { signingInputOf, withSignature } from '../support/compact-jws.js'
import { AUDIENCE, ISSUER, type RecordedEvent, startExchangeHost } from '../support/exchange-host.js'
import type { Verdict } from './access-rules.js'
import { CERTIFICATES, CLIENT_AUTHORITY, CLIENTS, generateKeys, type KeyRing, optionsOf } from './parties.js'
import { LIVES, type RequestDraft, type TokenDraft, type Value } from './request-drafts.js'

import type { SentRequest } from './sent-request.js'
import type { Memory, TokenFacts } from './token-rules.js'

/** A real exchange with all parties, by plain HTTP and by TLS, on connections that stay open. */
export interface TokenEndpoint {
  /** How many requests came, by what became of them. */
  readonly outcomes: Map<string, number>
  startRun(): Run
  close(): Promise<void>
}

/** Requests that share `jti`s, and what was used. */
export interface Run {
  memory: Memory
  /** Signs the tokens of a request as it is to be sent. */
  compose(draft: RequestDraft): SentRequest
  /** Sends it, and expects this. */
  expectVerdict(sent: SentRequest, expected: Verdict): Promise<void>
}

interface Answer {
  status: number
  headers: Readonly<Record<string, unknown>>
  body: Readonly<Record<string, unknown>>
}

/** Seconds: the default. */
const LIFETIME = 3600

type Send = (sent: SentRequest) => Promise<Answer>

export async function startTokenEndpoint(): Promise<TokenEndpoint> {
  const ring = generateKeys()
  const host = await startExchangeHost({ exchange: optionsOf(ring) })
  const tls = await startCertificateServer(host.app, [CLIENT_AUTHORITY], { keepAliveTimeout: 0 })
  host.server.keepAliveTimeout = 0 // A connection that is closed while a request is on its way would fail it.
  const send = createSend(Number(new URL(host.url).port), tls.port)
  const outcomes = new Map<string, number>()
  let runs = 0
  return {
    outcomes,
    startRun: () => {
      runs += 1
      const ledger = new Map<string, TokenFacts>()
      const prefix = `run ${runs}`
      let tokens = 0
      return {
        memory: { ledger, used: new Set() },
        compose: (draft) =>
          composeRequest(draft, (token) => {
            tokens += 1
            return signToken(token, ring, { prefix, number: tokens, ledger })
          }),
        expectVerdict: async (sent, expected) => {
          host.events.length = 0
          const answer = await send(sent)
          const outcome = outcomeOf(expected)
          outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1)
          const events = host.events.filter(({ name }) => name.startsWith('token.'))
          const seen = see(answer, events, sent)
          const foreseen = foresee(expected, seen)
          if (!isDeepStrictEqual(seen, foreseen)) expect({ sent, ...seen }).toEqual({ sent, ...foreseen })
        },
      }
    },
    close: async () => {
      await tls.close()
      await host.close()
    },
  }
}

function outcomeOf(verdict: Verdict): string {
  if ('error' in verdict) return verdict.error
  return `issued to ${verdict.client ?? 'nobody'}`
}

function composeRequest(
  { authorization, certificate, ...parameters }: RequestDraft,
  signDraft: (draft: TokenDraft) => string,
): SentRequest {
  const pairs: (readonly [string, string])[] = []
  for (const [name, values] of Object.entries<readonly Value[]>(parameters)) {
    for (const value of values) pairs.push([name, typeof value === 'string' ? value : signDraft(value)])
  }
  return { authorization, certificate, parameters: pairs }
}

function signToken(
  { iss, sub, aud, life, jti, typ, group, key, kid }: TokenDraft,
  ring: KeyRing,
  { prefix, number, ledger }: { prefix: string; number: number; ledger: Map<string, TokenFacts> },
): string {
  const signingKey = ring.get(key)
  if (signingKey === undefined) throw new Error(`there is no key ${key}`)
  const now = Math.floor(Date.now() / 1000)
  const dates = Object.fromEntries(Object.entries(LIVES[life] ?? {}).map(([name, seconds]) => [name, now + seconds]))
  const id =
    jti === 'none' ? { serial: `${prefix}, ${number}` } : { jti: `${prefix}, ${jti === 'fresh' ? number : jti}` }
  const claims = {
    ...(iss !== undefined && { iss }),
    ...(sub !== undefined && { sub }),
    ...(aud !== undefined && { aud }),
    ...dates,
    ...id,
    group,
  }
  const header = { alg: 'ES256', ...(kid !== undefined && { kid }), ...(typ !== undefined && { typ }) }
  const input = signingInputOf(header, claims)
  const token = withSignature(input, sign('sha256', Buffer.from(input), { ...signingKey, dsaEncoding: 'ieee-p1363' }))
  ledger.set(token, { signedBy: key, kid, typ, claims })
  return token
}

/** One connection for each certificate. */
function createSend(plainPort: number, tlsPort: number): Send {
  const plain = new PlainAgent({ keepAlive: true, maxSockets: 1 })
  const agents = new Map(
    ['none', ...Object.keys(CERTIFICATES)].map((name) => {
      const options = { keepAlive: true, maxSockets: 1, ca: CA_OF_SERVERS, ...CERTIFICATES[name]?.issued }
      return [name, new TlsAgent(options)] as const
    }),
  )
  return (sent) => {
    const agent = agents.get(sent.certificate)
    const options = { host: '127.0.0.1', path: '/oauth2/token', method: 'POST' }
    return agent === undefined
      ? post(plainRequest({ ...options, agent: plain, port: plainPort }), sent)
      : post(tlsRequest({ ...options, agent, port: tlsPort }), sent)
  }
}

function post(request: ClientRequest, { authorization, parameters }: SentRequest): Promise<Answer> {
  const body = new URLSearchParams()
  for (const [name, value] of parameters) body.append(name, value)
  request.setHeader('content-type', 'application/x-www-form-urlencoded')
  if (authorization.length > 0) request.setHeader('authorization', authorization)
  return new Promise((resolve, reject) => {
    request.on('response', (response) => {
      const { statusCode: status = 0, headers } = response
      text(response).then((received) => resolve({ status, headers, body: JSON.parse(received) }), reject)
    })
    request.on('error', reject).end(body.toString())
  })
}

/** What is compared, of an answer and its event, as it was and as it should be. */
interface Seen {
  status: number
  type: unknown
  cache: unknown
  /** Of the answer, without the access token and the description. */
  members: Readonly<Record<string, unknown>>
  /** Of the access token, without its dates and `jti`. */
  claims: Readonly<Record<string, unknown>> | undefined
  lifetime: number | undefined
  event: Readonly<Record<string, unknown>>
  /** Secrets that the event shows. */
  shown: readonly string[]
}

const WORDS = /^[ !#-[\]-~]+$/

function see({ status, headers, body }: Answer, events: readonly RecordedEvent[], sent: SentRequest): Seen {
  const { access_token: token, error_description: description, ...members } = body
  const { jti, iat, exp, ...claims } = token === undefined ? {} : decodeClaims(String(token))
  const event: Partial<RecordedEvent> = events.length === 1 ? { ...events[0] } : {}
  const { name, clientId, withoutClient, subject, scopes, identityProvider, bindings, error } = event
  const isSame = event.status === status && event.description === description && WORDS.test(String(description))
  const ofIssued = { subject, scopes, identityProvider, bindings }
  return {
    ...{ status, type: headers['content-type'], cache: headers['cache-control'], members },
    claims: jti === undefined ? undefined : claims,
    lifetime: jti === undefined ? undefined : exp - iat,
    event: { name, clientId, withoutClient, ...(status === 200 ? ofIssued : { error, isSame }) },
    shown: findShown(sent, event),
  }
}

/** RFC 6749 §5.1 and §5.2, RFC 9068 §2.2. */
function foresee(verdict: Verdict, seen: Seen): Seen {
  const constant = { type: 'application/json', cache: 'no-store', shown: [] }
  if ('error' in verdict) {
    const { error, caller } = verdict
    // Whom the event names before the client is authenticated is told by other tests, but it is a registered client.
    const isRegistered = caller === undefined && CLIENTS.some(({ id }) => id === seen.event.clientId)
    const named = isRegistered ? seen.event.clientId : caller
    return {
      ...constant,
      ...{ status: error === 'invalid_client' ? 401 : 400, members: { error }, claims: undefined, lifetime: undefined },
      event: {
        ...{ name: 'token.rejected', error, isSame: true },
        ...callerOf(caller === 'nobody' ? undefined : named, caller === 'nobody'),
      },
    }
  }
  const { client, subject, scopes, provider, bindings } = verdict
  const scope = scopes.length > 0 && { scope: scopes.join(' ') }
  return {
    ...{
      ...constant,
      status: 200,
      members: { token_type: 'Bearer', expires_in: LIFETIME, ...scope },
      lifetime: LIFETIME,
    },
    claims: { iss: ISSUER, aud: AUDIENCE, sub: subject, client_id: client ?? subject, idp: provider, ...scope },
    event: {
      ...{
        name: 'token.issued',
        subject,
        scopes,
        identityProvider: provider,
        ...callerOf(client, client === undefined),
      },
      bindings: bindings.length > 0 ? bindings : undefined,
    },
  }
}

function callerOf(clientId: unknown, isNobody: boolean) {
  return { clientId, withoutClient: isNobody ? true : undefined }
}

function decodeClaims(token: string) {
  return JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString())
}

/** Secrets of clients, signatures and credentials that were sent. */
function findShown({ authorization, parameters }: SentRequest, event: object): string[] {
  const written = JSON.stringify(event)
  const secrets = CLIENTS.flatMap(({ secret = [] }) => secret)
  const signatures = parameters.flatMap(([, value]) => value.split('.')[2] ?? [])
  const encoded = authorization.flatMap((header) => header.split(' ').slice(1))
  return [...secrets, ...signatures, ...encoded].filter((each) => each.length > 12 && written.includes(each))
}
