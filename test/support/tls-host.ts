import type { RequestListener } from 'node:http'
import { createServer } from 'node:https'
import type { AddressInfo, Socket } from 'node:net'
import type { IdentityProviderOptions, JwksEndpointOptions } from '../../src/index.js'
import type { FakeIdentityProviderOptions } from '../../src/testing/index.js'
import { createCertificateAuthority, type IssuedCertificate } from './certificate-authority.js'
import { type ExchangeHost, type RecordedEvent, startExchangeHost } from './exchange-host.js'

/** The private authority of the tests, made anew in each run. */
export const AUTHORITY = createCertificateAuthority('Authority of the tests')
export const SERVER_CERTIFICATE = AUTHORITY.issue({ names: ['127.0.0.1', 'idp.example.com'] })

/** A host whose identity provider is reached by TLS under a certificate of the private authority. */
export interface TlsHost extends ExchangeHost {
  /** Exchanges a fresh assertion with these claims and this header: status, milliseconds, `Retry-After`. */
  tryExchange(claims?: object, header?: object): Promise<Attempt>
  /** The events of this name, in their order. */
  eventsOf(name: RecordedEvent['name']): RecordedEvent[]
  stats(): ReturnType<ExchangeHost['exchange']['stats']>['identityProviders'][number]
}

export interface Attempt {
  status: number
  milliseconds: number
  retryAfter: number | undefined
}

export interface TlsHostOptions {
  jwksEndpoint?: JwksEndpointOptions
  identityProvider?: Partial<IdentityProviderOptions>
  idp?: FakeIdentityProviderOptions
}

export async function startTlsHost(options: TlsHostOptions = {}): Promise<TlsHost> {
  const host = await startExchangeHost({
    idp: { algorithm: 'ES256', tls: SERVER_CERTIFICATE, ...options.idp },
    identityProvider: { ca: AUTHORITY.certificate, ...options.identityProvider },
    exchange: { ...(options.jwksEndpoint && { jwksEndpoint: options.jwksEndpoint }) },
  })
  return {
    ...host,
    tryExchange: async (claims = {}, header = {}) => {
      const assertion = await host.idp.issueAssertion({ ...claims }, { ...header })
      const startedAt = performance.now()
      const { status, headers } = await host.exchangeAssertion(assertion)
      const retryAfter = headers['retry-after'] === undefined ? undefined : Number(headers['retry-after'])
      return { status, milliseconds: performance.now() - startedAt, retryAfter }
    },
    eventsOf: (name) => host.events.filter((event) => event.name === name),
    stats: () => {
      const [identityProvider] = host.exchange.stats().identityProviders
      if (identityProvider === undefined) throw new Error('the host has no identity provider')
      return identityProvider
    },
  }
}

/** A TLS server that answers as it is told. */
export interface TlsServer {
  /** `https://127.0.0.1:PORT/jwks`. */
  url: string
  port: number
  /** How many connections came, how many of them resumed a TLS session, and how many requests. */
  readonly seen: { connections: number; resumed: number; requests: number }
  answerWith(listener: RequestListener): void
  close(): Promise<void>
}

export async function startTlsServer(
  answer: RequestListener,
  certificate: IssuedCertificate = SERVER_CERTIFICATE,
): Promise<TlsServer> {
  let current = answer
  const seen = { connections: 0, resumed: 0, requests: 0 }
  const sockets = new Set<Socket>()
  const server = createServer({ ...certificate }, (request, response) => {
    seen.requests += 1
    current(request, response)
  })
  server.on('connection', (socket: Socket) => {
    seen.connections += 1
    sockets.add(socket)
    socket.on('error', () => {})
    socket.once('close', () => sockets.delete(socket))
  })
  server.on('secureConnection', (socket) => {
    if (socket.isSessionReused()) seen.resumed += 1
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    url: `https://127.0.0.1:${port}/jwks`,
    port,
    seen,
    answerWith: (listener) => {
      current = listener
    },
    close: async () => {
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
