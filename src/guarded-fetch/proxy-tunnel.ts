import { request as httpRequest } from 'node:http'
import { request as httpsRequest } from 'node:https'
import type { Socket } from 'node:net'
import { isUntrustedCertificate, JwksFetchError, toJwksFetchError } from './fetch-error.js'
import { type ConnectionDeps, openConnection, secureConnection } from './open-connection.js'

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
