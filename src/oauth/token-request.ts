import type { X509Certificate } from 'node:crypto'
import { OAuthError } from './errors.js'

/** The parameters that may be repeated with any grant, because another standard permits it (RFC 8707 §2). */
export const REPEATABLE_PARAMETERS: readonly string[] = ['resource']

/** The parameters of a form. Parameters without a value are left out (RFC 6749 §3.2). */
export interface FormParameters {
  /**
   * The value of a parameter; undefined if it is missing or empty.
   *
   * @throws OAuthError `invalid_request` if it was sent more than once
   */
  one(name: string): string | undefined
  /** All values of a parameter, in their order. More than one only if the grant allows the parameter to be repeated. */
  all(name: string): readonly string[]
  /** The names of the parameters that were sent more than once. */
  readonly repeated: readonly string[]
}

/** The certificate of a peer that has proved to have its private key. */
export interface ClientCertificate {
  x509: X509Certificate
  /** Whether it comes from an authority that may vouch for clients. Otherwise it may be self-signed. */
  isTrusted: boolean
}

/** A request to the token endpoint, without its HTTP. Nothing in it is verified. */
export interface TokenRequest extends FormParameters {
  /** The `Authorization` header. */
  readonly authorization: string | undefined
  /** The parameters `client_assertion` and `client_assertion_type` (RFC 7521 §4.2), if there is an assertion. */
  readonly clientAssertion: { type: string | undefined; assertion: string } | undefined
  /** The `DPoP` headers (RFC 9449 §4.1). More than one is an error of the client. */
  readonly dpopProofs: readonly string[]
  /** The certificate of the TLS connection; undefined if the server did not ask for one, or the peer has none. */
  readonly clientCertificate: ClientCertificate | undefined
  /** Who is at the other end of the connection, whatever headers say: a proxy, if there is one. */
  readonly peerAddress: string | undefined
  /** The values of a header that should have one value. */
  header(name: string): readonly string[]
  /** The client's address, according to Express's `trust proxy`. */
  readonly remoteAddress: string
}

export function repeatedOrNested(): OAuthError {
  return new OAuthError('invalid_request', 'A parameter is repeated or nested')
}

/**
 * RFC 6749 §3.2: no parameter is repeated, unless another standard permits it.
 *
 * @throws OAuthError `invalid_request`
 */
export function checkRepeated({ repeated }: FormParameters, mayRepeat: readonly string[]): void {
  if (!repeated.every((name) => mayRepeat.includes(name))) throw repeatedOrNested()
}
