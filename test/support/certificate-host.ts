import type { RequestListener } from 'node:http'
import { createServer, request, type ServerOptions } from 'node:https'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import type { SecureVersion } from 'node:tls'
import { createCertificateAuthority, type IssuedCertificate } from './certificate-authority.js'
import { type ExchangeHost, type ExchangeHostOptions, GRANT_TYPE, startExchangeHost } from './exchange-host.js'

/** Issues the certificates of servers. Those of clients come from others. */
const SERVERS = createCertificateAuthority('Authority of servers')
const SERVER = SERVERS.issue({ names: ['127.0.0.1', 'localhost'] })

export interface TlsAnswer {
  status: number
  headers: Readonly<Record<string, unknown>>
  text: string
}

export interface TlsPost {
  certificate?: IssuedCertificate | undefined
  parameters: Readonly<Record<string, string>>
  /** A header with several values is sent as several lines. */
  headers?: Readonly<Record<string, string | readonly string[]>>
}

/** A real server that asks for the certificates of clients. */
export interface CertificateServer {
  port: number
  /** Posts a form to the token endpoint, on a connection of its own. */
  post(sent: TlsPost): Promise<TlsAnswer>
  close(): Promise<void>
}

/** An exchange behind such a server. */
export interface CertificateHost extends CertificateServer {
  host: ExchangeHost
  /** What becomes of a request for an access token: 200, or the status and the reason. */
  outcomeOf(clientId: string, sent?: Partial<TlsPost>): Promise<string>
}

/** @param ca the authorities of clients */
export async function startCertificateServer(
  listener: RequestListener,
  ca: readonly string[],
  options: ServerOptions = {},
): Promise<CertificateServer> {
  const server = createServer(
    { ...SERVER, ca: [...ca], requestCert: true, rejectUnauthorized: false, ...options },
    listener,
  )
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    port,
    post: (sent) => postForm(port, sent),
    close: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

export interface CertificateHostOptions extends ExchangeHostOptions {
  ca: readonly string[]
  maxVersion?: SecureVersion
}

export async function startCertificateHost(options: CertificateHostOptions): Promise<CertificateHost> {
  const { ca, maxVersion, ...hostOptions } = options
  const host = await startExchangeHost(hostOptions)
  const server = await startCertificateServer(host.app, ca, { ...(maxVersion && { maxVersion }) })
  return {
    ...server,
    host,
    outcomeOf: (clientId, sent = {}) => outcomeOf(host, server, clientId, sent),
    close: async () => {
      await server.close()
      await host.close()
    },
  }
}

export async function outcomeOf(
  { idp, lastReason }: ExchangeHost,
  server: CertificateServer,
  clientId: string,
  sent: Partial<TlsPost> = {},
): Promise<string> {
  const assertion = await idp.issueAssertion()
  const parameters = { grant_type: GRANT_TYPE, assertion, client_id: clientId, ...sent.parameters }
  const { status } = await server.post({ ...sent, parameters })
  return status === 200 ? '200' : `${status} ${lastReason()}`
}

function postForm(port: number, { certificate, parameters, headers = {} }: TlsPost): Promise<TlsAnswer> {
  return new Promise((resolve, reject) => {
    const sent = request(
      {
        ...{ host: '127.0.0.1', port, path: '/oauth2/token', method: 'POST', agent: false, ca: SERVERS.certificate },
        ...certificate,
      },
      (response) => {
        const { statusCode: status = 0, headers: received } = response
        text(response).then((body) => resolve({ status, headers: received, text: body }), reject)
      },
    )
    for (const [name, value] of Object.entries(headers)) sent.setHeader(name, value)
    sent.setHeader('content-type', 'application/x-www-form-urlencoded')
    sent.on('error', reject).end(new URLSearchParams(parameters).toString())
  })
}

export const CA_OF_SERVERS = SERVERS.certificate
