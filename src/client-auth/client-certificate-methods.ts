import type { Clock } from '../clock/clock.js'
import { printable } from '../errors/printable.js'
import type { RequestReason } from '../errors/reason-codes.js'
import type { ClientCertificate, TokenRequest } from '../oauth/token-request.js'
import { type CertificateContents, readCertificateContents } from '../x509/certificate-contents.js'
import { isIssuedByOneOf } from '../x509/issuing-authority.js'
import { type ClientAuthMethod, type ClientAuthMethodDeps, invalidClient } from './client-auth-method.js'
import { type ClientCertificateHeader, isFromProxy, parseCertificateHeader } from './client-certificate-header.js'
import { type CertificateCredential, thumbprintOf } from './client-certificate-options.js'
import type { Client } from './client-options.js'

export interface ClientCertificateDeps {
  clock: Clock
  /** Undefined: certificates of connections only. */
  certificateHeader: ClientCertificateHeader | undefined
}

/** What is known of a presented certificate before the client is looked up. */
interface InspectedCertificate {
  thumbprint: string
  contents: CertificateContents | undefined
  isTrusted: boolean
  isWithinDates: boolean
}

/** The names of a longer certificate are not read: anyone can make one, and send it in each request. */
const MAX_NAMED_CERTIFICATE_BYTES = 8192

/** `tls_client_auth` and `self_signed_tls_client_auth` (RFC 8705 §2.1, §2.2). The registration of the client decides which. */
export function createClientCertificateMethods(deps: ClientCertificateDeps): ClientAuthMethod[] {
  const authenticate: ClientAuthMethod['authenticate'] = (request, methodDeps) =>
    authenticateByCertificate(request, { ...methodDeps, ...deps })
  return [
    { name: 'tls_client_auth', credentialKind: 'certificate_name', applies: hasOnlyClientId, authenticate },
    {
      name: 'self_signed_tls_client_auth',
      credentialKind: 'certificate_thumbprint',
      applies: hasOnlyClientId,
      authenticate,
    },
  ]
}

/** A certificate alone does not select the method: browsers and service meshes send one with every request. */
function hasOnlyClientId(request: TokenRequest): boolean {
  const others = ['client_secret', 'client_assertion', 'client_assertion_type'].map(request.one)
  const isAlone = [request.authorization, ...others].every((credential) => credential === undefined)
  return isAlone && request.one('client_id') !== undefined
}

/**
 * The client that `client_id` names, if the certificate is its own. An unknown client gets the same answer after the same work.
 *
 * @throws OAuthError `invalid_client`; `temporarily_unavailable` with status 429
 */
async function authenticateByCertificate(
  request: TokenRequest,
  deps: ClientAuthMethodDeps & ClientCertificateDeps,
): Promise<Client> {
  const { remoteAddress } = request
  const { findClient, failureLimiter, clock } = deps
  const clientId = request.one('client_id') ?? ''
  failureLimiter.checkAttempt(clientId, remoteAddress)
  const presented = findPresentedCertificate(request, deps)
  const certificate = typeof presented === 'object' ? inspectCertificate(presented, clock.now()) : undefined
  const client = await findClient(clientId)
  failureLimiter.checkAttempt(clientId, remoteAddress)
  const reason = typeof presented === 'string' ? presented : findRefusalReason(client, certificate)
  if (client === undefined || reason !== undefined) {
    failureLimiter.countFailure(clientId, remoteAddress, client !== undefined)
    const refusal = invalidClient(reason ?? 'unknown_client')
    if (client !== undefined) refusal.context = contextOf(client, certificate)
    throw refusal
  }
  failureLimiter.countSuccess(clientId, remoteAddress)
  return client
}

/** The certificate of the client, or why it does not count. The certificate of a proxy itself never counts. */
function findPresentedCertificate(
  request: TokenRequest,
  { certificateHeader, clock }: ClientCertificateDeps,
): ClientCertificate | RequestReason | undefined {
  if (certificateHeader === undefined) return request.clientCertificate
  const [value = '', ...others] = request.header(certificateHeader.header)
  if (!isFromProxy(certificateHeader, request.peerAddress)) {
    return value === '' && others.length === 0 ? request.clientCertificate : 'certificate_header_not_allowed'
  }
  if (value === '' && others.length === 0) return undefined
  const x509 = others.length > 0 ? undefined : parseCertificateHeader(value)
  if (x509 === undefined) return 'malformed_client_certificate'
  return { x509, isTrusted: isIssuedByOneOf(certificateHeader.authorities ?? [], x509, clock.now()) }
}

/** @param now seconds since the epoch */
function inspectCertificate({ x509, isTrusted }: ClientCertificate, now: number): InspectedCertificate {
  const [validFrom, validTo] = [x509.validFrom, x509.validTo].map((date) => Date.parse(date) / 1000)
  return {
    thumbprint: thumbprintOf(x509),
    contents: x509.raw.length > MAX_NAMED_CERTIFICATE_BYTES ? undefined : readCertificateContents(x509.raw),
    isTrusted,
    isWithinDates: validFrom !== undefined && validTo !== undefined && validFrom <= now && now <= validTo,
  }
}

/** Undefined if the certificate is the client's. */
function findRefusalReason(
  client: Client | undefined,
  certificate: InspectedCertificate | undefined,
): RequestReason | undefined {
  if (client === undefined) return 'unknown_client'
  const { credential } = client
  if (credential?.kind !== 'certificate_name' && credential?.kind !== 'certificate_thumbprint')
    return 'no_client_authentication'
  if (certificate === undefined) return 'no_client_certificate'
  const { isTrusted, isWithinDates } = certificate
  // Node does not trust an expired certificate either: the operator needs to know which of the two is wrong.
  if (credential.kind === 'certificate_name' && !isTrusted && isWithinDates) return 'untrusted_client_certificate'
  if (!isCertificateOf(credential, certificate)) return 'wrong_client_certificate'
  return isWithinDates ? undefined : 'expired_client_certificate'
}

function isCertificateOf(credential: CertificateCredential, { thumbprint, contents }: InspectedCertificate): boolean {
  if (credential.kind === 'certificate_thumbprint') return credential.thumbprints.has(thumbprint)
  return contents?.names[credential.nameKind].includes(credential.name) === true
}

/** For the event: the operator can copy the thumbprint or the subject into the options. */
function contextOf({ clientId }: Client, certificate: InspectedCertificate | undefined) {
  const seen =
    certificate && `SHA-256 ${certificate.thumbprint}, subject ${certificate.contents?.subject ?? 'unreadable'}`
  return {
    clientId: printable(clientId),
    ...(seen !== undefined && { message: printable(`the certificate: ${seen}`) }),
  }
}
