import { request as httpRequest } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { isIP, type LookupFunction, type Socket } from 'node:net'
import { connect as connectTls, type TLSSocket } from 'node:tls'
import { isUntrustedCertificate, JwksFetchError, toJwksFetchError } from './jwks-fetch-error.js'

export interface TunnelDeps {
  proxy: URL
  ca: readonly string[] | undefined
  lookup: LookupFunction
  /** Ends the attempt. */
  signal: AbortSignal
}

/** A TLS connection with the endpoint through a forward proxy (RFC 9110 §9.3.6); TLS ends at the endpoint. */
export async function openTunnel(endpoint: URL, { proxy, ca, lookup, signal }: TunnelDeps): Promise<TLSSocket> {
  const host = endpoint.hostname.replace(/^\[|\]$/g, '')
  const socket = await askForTunnel(`${endpoint.hostname}:${endpoint.port || '443'}`, { proxy, lookup, signal })
  return connectTls({
    socket,
    host,
    rejectUnauthorized: true,
    ...(isIP(host) === 0 && { servername: host }),
    ...(ca !== undefined && { ca: [...ca] }),
  })
}

function askForTunnel(authority: string, { proxy, lookup, signal }: Omit<TunnelDeps, 'ca'>): Promise<Socket> {
  const send = proxy.protocol === 'https:' ? httpsRequest : httpRequest
  return new Promise((resolve, reject) => {
    const request = send({
      host: proxy.hostname.replace(/^\[|\]$/g, ''),
      port: proxy.port || undefined,
      method: 'CONNECT',
      path: authority,
      headers: { host: authority, ...credentialsOf(proxy) },
      agent: false,
      lookup,
      signal,
      ...(send === httpsRequest && { rejectUnauthorized: true }),
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

function credentialsOf({ username, password }: URL): Readonly<Record<string, string>> {
  if (username === '' && password === '') return {}
  const credentials = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`
  return { 'proxy-authorization': `Basic ${Buffer.from(credentials).toString('base64')}` }
}
