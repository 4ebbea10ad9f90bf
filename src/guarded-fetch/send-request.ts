import { type Agent, type ClientRequest, request as httpRequest, type IncomingMessage } from 'node:http'
import { request as httpsRequest } from 'node:https'
import type { Socket } from 'node:net'
import { checkServerIdentity, type TLSSocket } from 'node:tls'
import { fieldOf } from '../errors/field-of.js'
import { withoutBrackets } from '../option-checks/urls.js'
import { readBearerToken } from './bearer-token-file.js'
import type { JwksConnectionSettings } from './connection-options.js'
import { isUntrustedCertificate, JwksFetchError, toJwksFetchError } from './fetch-error.js'
import { guardLookup, isAddressAllowed, isHostAllowed } from './network-guard.js'
import {
  attemptTimeoutOf,
  type ConnectionDeps,
  openConnection,
  openTunnel,
  secureConnection,
} from './open-connection.js'
import { areSendable, type JwksRequestHeaders, namesAuthorization, withoutTrailingSpace } from './request-headers.js'

/** Answers of status 1xx before the one that counts. */
const MAX_HINTS = 10

const OWN_HEADERS = {
  accept: 'application/jwk-set+json, application/json',
  'accept-encoding': 'identity',
  'user-agent': 'express-jwt-exchange',
}

/** What ends a request, and what its connection may take. */
export type RequestBounds = Omit<ConnectionDeps, 'lookup'>

/** The headers that the connection options add to a fetch. */
export async function readRequestHeaders(connection: JwksConnectionSettings): Promise<JwksRequestHeaders> {
  const { bearerTokenFile } = connection
  const headers = await makeHeaders(connection)
  if (bearerTokenFile === undefined) return headers
  if (namesAuthorization(headers)) throw new JwksFetchError('request_headers_failed')
  return { ...headers, authorization: `Bearer ${await readBearerToken(bearerTokenFile)}` }
}

async function makeHeaders({ headers }: JwksConnectionSettings): Promise<JwksRequestHeaders> {
  if (typeof headers !== 'function') return headers ?? {}
  try {
    const made = withoutTrailingSpace(await headers())
    if (areSendable(made)) return { ...made } as JwksRequestHeaders
  } catch {
    // What it threw may name a secret.
  }
  throw new JwksFetchError('request_headers_failed')
}

/** Sends a GET, or a form by POST, on a connection of its own, unless there is an agent. The signal ends it. */
export function sendRequest(
  endpoint: URL,
  connection: JwksConnectionSettings,
  headers: JwksRequestHeaders,
  bounds: RequestBounds,
  form?: string,
): ClientRequest {
  if (!isHostAllowed(endpoint.hostname, connection.network)) throw new JwksFetchError('address_not_allowed')
  const send = endpoint.protocol === 'https:' ? httpsRequest : httpRequest
  const options = {
    ...(form !== undefined && { method: 'POST' }),
    headers: { ...OWN_HEADERS, ...headers, ...(form !== undefined && headersOfForm(form)) },
    signal: bounds.signal,
    ...routeOf(endpoint, connection, bounds),
  }
  try {
    const request = send(endpoint, options)
    request.on('error', () => {}) // Whoever waits learns of it; an error that comes later must not be unhandled.
    return request.end(form)
  } catch (error) {
    throw connectionError(error) // An agent of another protocol.
  }
}

function headersOfForm(form: string) {
  return { 'content-type': 'application/x-www-form-urlencoded', 'content-length': String(Buffer.byteLength(form)) }
}

/** Waits for the connection, including TLS, and checks who is at its other end. */
export function connectionOf(request: ClientRequest, endpoint: URL, connection: JwksConnectionSettings): Promise<void> {
  return new Promise((resolve, reject) => {
    request.once('error', (error) => reject(connectionError(error)))
    request.once('socket', (socket) => {
      const connected = () => {
        const refusal = findRefusal(socket, endpoint, connection)
        if (refusal === undefined) return resolve()
        socket.destroy()
        reject(new JwksFetchError(refusal))
      }
      if (isConnected(socket)) connected()
      else socket.once('encrypted' in socket ? 'secureConnect' : 'connect', connected)
    })
  })
}

export function responseTo(request: ClientRequest): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    let hints = 0
    request.on('information', () => {
      hints += 1
      if (hints > MAX_HINTS) reject(new JwksFetchError('read_failed'))
    })
    request.once('response', resolve)
    request.once('error', reject)
    // Without an error: Node closes so after 101 Switching Protocols, and a deadline then finds nothing to destroy.
    request.once('close', () => reject(new JwksFetchError('read_failed')))
  })
}

/** How the connection is made: by an agent, through a proxy, or directly on a new socket. */
function routeOf(endpoint: URL, connection: JwksConnectionSettings, bounds: RequestBounds) {
  const { agent, ca } = connection
  const deps = { ...bounds, lookup: guardLookup(connection.network, connection.lookup) }
  if (agent !== undefined) {
    return {
      agent: agent as Agent,
      lookup: deps.lookup,
      autoSelectFamilyAttemptTimeout: attemptTimeoutOf(bounds.connectionTimeout),
      rejectUnauthorized: true,
      session: undefined, // It resumes none: a resumed session has no certificate that could be checked.
      ...(ca !== undefined && { ca: [...ca] }),
    }
  }
  return {
    createConnection: (_options: unknown, connected: (error: Error | null, socket: Socket) => void) => {
      connectTo(endpoint, connection, deps).then(
        (socket) => connected(null, socket),
        (error: Error) => (connected as (error: Error) => void)(error),
      )
      return undefined
    },
  }
}

async function connectTo(endpoint: URL, { proxy, ca }: JwksConnectionSettings, deps: ConnectionDeps): Promise<Socket> {
  const socket = await (proxy === undefined ? openConnection(endpoint, deps) : openTunnel(endpoint, proxy, deps))
  return endpoint.protocol === 'https:' ? secureConnection(socket, endpoint, ca) : socket
}

/** An agent or a tunnel may hand over a socket that is connected already. */
function isConnected(socket: Socket): boolean {
  return !socket.connecting && !('secureConnecting' in socket && socket.secureConnecting === true)
}

/** Checked again on the connection itself, because an agent may have its own options, its own lookup, or no TLS. */
function findRefusal(socket: Socket, endpoint: URL, { network, proxy, agent }: JwksConnectionSettings) {
  if (endpoint.protocol === 'https:' && !isTrusted(socket, endpoint)) return 'certificate_not_trusted'
  const isDirect = proxy === undefined && agent === undefined
  const { remoteAddress } = socket
  if (remoteAddress === undefined) return isDirect ? 'address_not_allowed' : undefined
  return isAddressAllowed(remoteAddress, network) ? undefined : 'address_not_allowed'
}

function isTrusted(socket: Socket | TLSSocket, { hostname }: URL): boolean {
  if (!('encrypted' in socket) || socket.authorized !== true) return false
  return checkServerIdentity(withoutBrackets(hostname), socket.getPeerCertificate()) === undefined
}

function connectionError(error: unknown): JwksFetchError {
  if (fieldOf(error, 'code') === 'EADDRNOTALLOWED') return new JwksFetchError('address_not_allowed')
  return toJwksFetchError(error, isUntrustedCertificate(error) ? 'certificate_not_trusted' : 'connection_failed')
}
