import type { LookupAddress } from 'node:dns'
import { request as httpRequest } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { connect, isIP, type LookupFunction, type Socket } from 'node:net'
import { connect as connectTls, type TLSSocket } from 'node:tls'
import { withoutBrackets } from '../option-checks/urls.js'
import { isUntrustedCertificate, JwksFetchError, toJwksFetchError } from './fetch-error.js'

export interface ConnectionDeps {
  /** Must leave out the addresses that are not allowed. */
  lookup: LookupFunction
  /** Milliseconds for all of it. Somebody else keeps the deadline: of this, a part goes to each address. */
  connectionTimeout: number
  /** Ends the attempt. */
  signal: AbortSignal
}

/**
 * Milliseconds after which the next address is tried as well (RFC 8305 §5), while the earlier ones may still answer. A
 * quarter of the connection timeout if that is less, so that a dead first address family leaves time for the other one.
 */
const MAX_ATTEMPT_DELAY = 250
/** Addresses of one name that are tried. */
const MAX_ADDRESSES = 16

/**
 * Milliseconds for each address but the last, one after the other, if an agent connects. Node's default is 250, even if the
 * connection timeout is longer.
 */
export function attemptTimeoutOf(connectionTimeout: number): number {
  return Math.ceil(connectionTimeout / 2)
}

/**
 * A TCP connection with the first address of a host that answers. A slow address is not given up when the next one is tried,
 * so that neither a dead address family nor a slow one takes the other's time.
 */
export async function openConnection({ hostname, port, protocol }: URL, deps: ConnectionDeps): Promise<Socket> {
  const host = withoutBrackets(hostname)
  const addresses = isIP(host) === 0 ? await findAddresses(host, deps.lookup) : [{ address: host, family: isIP(host) }]
  deps.signal.throwIfAborted()
  const race = new ConnectionRace(Number(port || (protocol === 'https:' ? 443 : 80)), deps)
  return race.run(alternateFamilies(addresses).slice(0, MAX_ADDRESSES))
}

/** TLS with a host on a connection that is there. */
export function secureConnection(socket: Socket, { hostname }: URL, ca: readonly string[] | undefined): TLSSocket {
  const host = withoutBrackets(hostname)
  return connectTls({
    socket,
    host,
    rejectUnauthorized: true,
    ALPNProtocols: ['http/1.1'],
    ...(isIP(host) === 0 && { servername: host }),
    ...(ca !== undefined && { ca: [...ca] }),
  })
}

/** Attempts to connect, of which the first that succeeds ends the others. */
class ConnectionRace {
  readonly #port: number
  readonly #delay: number
  readonly #signal: AbortSignal
  readonly #attempts = new Set<Socket>()
  #left: LookupAddress[] = []
  #firstError: unknown
  #timer: NodeJS.Timeout | undefined
  #resolve: (socket: Socket) => void = () => {}
  #reject: (error: unknown) => void = () => {}

  constructor(port: number, { connectionTimeout, signal }: ConnectionDeps) {
    this.#port = port
    this.#delay = Math.min(MAX_ATTEMPT_DELAY, connectionTimeout / 4)
    this.#signal = signal
  }

  run(addresses: readonly LookupAddress[]): Promise<Socket> {
    this.#left = [...addresses]
    this.#signal.addEventListener('abort', this.#abort, { once: true })
    return new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
      this.#tryNext()
    })
  }

  #tryNext(): void {
    clearTimeout(this.#timer)
    const next = this.#left.shift()
    if (next === undefined) return
    const socket = connect({ host: next.address, port: this.#port, noDelay: true })
    this.#attempts.add(socket)
    const failed = (error: unknown) => this.#fail(socket, error)
    socket.once('error', failed)
    socket.once('connect', () => {
      socket.off('error', failed)
      this.#attempts.delete(socket)
      this.#end()
      this.#resolve(socket)
    })
    if (this.#left.length > 0) this.#timer = setTimeout(() => this.#tryNext(), this.#delay)
  }

  #fail(socket: Socket, error: unknown): void {
    this.#attempts.delete(socket)
    this.#firstError ??= error
    if (this.#left.length > 0) {
      this.#tryNext()
    } else if (this.#attempts.size === 0) {
      this.#end()
      this.#reject(this.#firstError)
    }
  }

  readonly #abort = (): void => {
    this.#end()
    this.#reject(this.#signal.reason)
  }

  #end(): void {
    clearTimeout(this.#timer)
    this.#left = []
    this.#signal.removeEventListener('abort', this.#abort)
    for (const socket of this.#attempts) socket.destroy()
    this.#attempts.clear()
  }
}

/** A connection with the endpoint through a forward proxy (RFC 9110 §9.3.6). */
export function openTunnel(endpoint: URL, proxy: URL, deps: ConnectionDeps): Promise<Socket> {
  const authority = `${endpoint.hostname}:${endpoint.port || '443'}`
  const send = proxy.protocol === 'https:' ? httpsRequest : httpRequest
  return new Promise((resolve, reject) => {
    const request = send({
      host: proxy.hostname,
      method: 'CONNECT',
      path: authority,
      headers: { host: authority, ...credentialsOf(proxy) },
      signal: deps.signal,
      createConnection: (_options, connected) => {
        connectTo(proxy, deps).then(
          (socket) => connected(null, socket),
          (error: Error) => (connected as (error: Error) => void)(error),
        )
        return undefined
      },
    })
    request.once('connect', (response, socket, head) => {
      if (response.statusCode === 200 && head.length === 0) return resolve(socket)
      socket.destroy()
      reject(new JwksFetchError('proxy_refused', { code: String(response.statusCode) }))
    })
    request.on('error', (error: NodeJS.ErrnoException) => {
      // Its own certificate, not the endpoint's.
      reject(isUntrustedCertificate(error) ? toJwksFetchError({ code: error.code }, 'proxy_refused') : error)
    })
    request.end()
  })
}

function findAddresses(host: string, lookup: LookupFunction): Promise<LookupAddress[]> {
  return new Promise((resolve, reject) => {
    lookup(host, { all: true, hints: 0 }, (error, found) => {
      if (error) reject(error)
      else resolve(found as LookupAddress[])
    })
  })
}

/** The first address, then alternately one of the other family and one of its own (RFC 8305 §4). */
function alternateFamilies(addresses: readonly LookupAddress[]): LookupAddress[] {
  const own = addresses.filter(({ family }) => family === addresses[0]?.family)
  const other = addresses.filter(({ family }) => family !== addresses[0]?.family)
  const turns = Array.from({ length: Math.max(own.length, other.length) }, (_, turn) => [own[turn], other[turn]])
  return turns.flat().filter((address) => address !== undefined)
}

/** TLS with a proxy of `https` takes the authorities of Node. */
async function connectTo(proxy: URL, deps: ConnectionDeps): Promise<Socket> {
  const socket = await openConnection(proxy, deps)
  return proxy.protocol === 'https:' ? secureConnection(socket, proxy, undefined) : socket
}

function credentialsOf({ username, password }: URL): Readonly<Record<string, string>> {
  if (username === '' && password === '') return {}
  const credentials = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`
  return { 'proxy-authorization': `Basic ${Buffer.from(credentials).toString('base64')}` }
}
