import { X509Certificate } from 'node:crypto'
import type { ClientCertificate } from '../oauth/token-request.js'

/**
 * The certificate of a TLS connection; undefined if the connection has renegotiated, which Node permits in TLS 1.2. During a
 * renegotiation, the connection may have a certificate whose key is not proved, while `authorized` is from the first handshake.
 *
 * @param socket Node's socket, or the object that HTTP/2 has instead of it
 */
export function findClientCertificate(socket: object | undefined): ClientCertificate | undefined {
  const x509 = findPeerCertificate(socket)
  if (socket === undefined || x509 === undefined || hasRenegotiated(socket)) return undefined
  const isAuthorized = 'authorized' in socket && socket.authorized === true
  const hasError = 'authorizationError' in socket && (socket.authorizationError ?? undefined) !== undefined
  return { x509, isTrusted: isAuthorized && !hasError }
}

function findPeerCertificate(socket: object | undefined): X509Certificate | undefined {
  if (socket === undefined || !('getPeerX509Certificate' in socket)) return undefined
  const { getPeerX509Certificate } = socket
  if (typeof getPeerX509Certificate !== 'function') return undefined
  const certificate: unknown = Reflect.apply(getPeerX509Certificate, socket, [])
  return certificate instanceof X509Certificate ? certificate : undefined
}

/** Node counts the handshakes after the first one, but has no public name for it. */
function hasRenegotiated(socket: object): boolean {
  const handle: unknown = '_handle' in socket ? socket._handle : undefined
  const isHandle = typeof handle === 'object' && handle !== null && 'handshakes' in handle
  return isHandle && handle.handshakes !== 0
}
