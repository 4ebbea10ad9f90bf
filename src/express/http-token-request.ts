import { OAuthError } from '../oauth/errors.js'
import type { ClientCertificate, FormParameters, TokenRequest } from '../oauth/token-request.js'
import { readHeader, remoteAddressOf } from '../protected-route/host-request.js'
import type { ExpressRequest } from './http.js'
import { findClientCertificate } from './tls-connection.js'

const NEVER_IN_THE_QUERY = ['assertion', 'client_secret', 'client_assertion', 'grant_type']

/**
 * A request to the token endpoint, as it came over HTTP. What nobody asks for is not read, and nothing of it gets into JSON or
 * a log with the object.
 */
export class HttpTokenRequest implements TokenRequest {
  readonly one: FormParameters['one']
  readonly all: FormParameters['all']
  readonly repeated: FormParameters['repeated']
  readonly #req: ExpressRequest
  readonly #authorization: string | undefined

  /** @throws OAuthError `invalid_request` for two `Authorization` headers, or for credentials in the query */
  constructor(req: ExpressRequest, { one, all, repeated }: FormParameters) {
    this.one = one
    this.all = all
    this.repeated = repeated
    this.#req = req
    this.#authorization = readAuthorization(req)
    checkQuery(req)
  }

  get authorization(): string | undefined {
    return this.#authorization
  }

  get clientAssertion(): TokenRequest['clientAssertion'] {
    const assertion = this.one('client_assertion')
    return assertion === undefined ? undefined : { type: this.one('client_assertion_type'), assertion }
  }

  get dpopProofs(): readonly string[] {
    return readHeader(this.#req, 'dpop')
  }

  get clientCertificate(): ClientCertificate | undefined {
    return findClientCertificate(this.#req.socket)
  }

  get peerAddress(): string | undefined {
    return this.#req.socket?.remoteAddress
  }

  header(name: string): readonly string[] {
    return readHeader(this.#req, name)
  }

  get remoteAddress(): string {
    return remoteAddressOf(this.#req)
  }
}

function readAuthorization(req: ExpressRequest): string | undefined {
  const [authorization, second] = readHeader(req, 'authorization')
  if (second !== undefined) throw new OAuthError('invalid_request', 'The request has two Authorization headers')
  return authorization
}

/** RFC 6749 §2.3.1: never in the URI, which ends up in logs. */
function checkQuery({ url = '' }: ExpressRequest): void {
  const start = url.indexOf('?')
  if (start < 0) return
  const query = new URLSearchParams(url.slice(start + 1))
  if (NEVER_IN_THE_QUERY.some((name) => query.has(name))) {
    throw new OAuthError('invalid_request', 'Credentials and assertions must not be in the URL')
  }
}
