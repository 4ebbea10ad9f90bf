import { randomUUID } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { clearTimeout, setTimeout } from 'node:timers'
import { answerKeySet, type FaultKind, isFaultKind } from './fake-faults.js'
import { FakeKeySet } from './fake-key-set.js'
import { type FakeKey, type SigningAlgorithm, signAssertion } from './fake-keys.js'
import { answerRequest } from './fake-routes.js'
import { LoopbackPort } from './loopback-port.js'

/**
 * Options of `FakeIdentityProvider.start`.
 *
 * @example
 * const idp = await FakeIdentityProvider.start({ name: 'https://idp.example.com', algorithm: 'ES256' })
 */
export interface FakeIdentityProviderOptions {
  /** The `iss` of its assertions. Default: its own URL, `http://127.0.0.1:PORT`. */
  readonly name?: string
  /** The `aud` of its assertions. Default: `https://api.example.com/oauth2/token`. */
  readonly alias?: string
  /** The algorithm of its first key. Default: `RS256`. */
  readonly algorithm?: SigningAlgorithm
  /** The port on 127.0.0.1. Default: 0, any free port. */
  readonly port?: number
  /** `false`: keys are published, and assertions signed, without `kid`. Default: `true`. */
  readonly keyIds?: boolean
  /** How long `slow-connect` lasts when set over HTTP, in milliseconds. Default: 10000. */
  readonly unreachableFor?: number
  /** The private key and certificate, in PEM, to serve `https` with. Default: none, it serves `http`. */
  readonly tls?: { readonly key: string; readonly cert: string }
}

const assertionLifetime = 300
/** The `aud` of its access tokens. */
const audience = 'https://api.example.com'

/**
 * An identity provider for tests and demonstrations, on a real socket of 127.0.0.1: it publishes a key set, issues
 * assertions, and misbehaves on demand. Anyone who reaches its port gets any assertion: never trust it in production.
 *
 * Over HTTP:
 * - `GET /jwks`: the key set.
 * - `GET /.well-known/openid-configuration`: the metadata for `discovery`.
 * - `GET /assertion`: an assertion as text. Each query parameter is a claim, always a string.
 * - `POST /rotate`: answers `{ kid }`.
 * - `POST /fault/{kind}`: 204. `down` only resets connections that request the key set, so that it can be ended over HTTP.
 *   `slow-connect` begins after the answer and ends after 10 seconds.
 * - Anything else: 404.
 *
 * @example
 * const idp = await FakeIdentityProvider.start()
 * createJwtExchange({ ...options, identityProviders: [{ name: idp.name, jwksUri: idp.jwksUri, allowedSubjects: 'any' }] })
 * const assertion = await idp.issueAssertion({ sub: 'alice' })
 * await idp.rotate()
 * await idp.close()
 */
export class FakeIdentityProvider {
  /** The `iss` of its assertions. */
  readonly name: string
  /** The `aud` of its assertions. */
  readonly alias: string
  /** `http://127.0.0.1:PORT`, without a slash at the end; `https` with the option `tls`. */
  readonly url: string
  /** The URL of its key set; the same while it is down. */
  readonly jwksUri: string
  readonly #port: LoopbackPort
  readonly #keySet: FakeKeySet
  readonly #unreachableFor: number
  #fetches = 0
  #keySetHeaders: Readonly<Record<string, string>> = {}
  #fault: FaultKind = 'off'
  #lastChange: Promise<unknown> = Promise.resolve()
  #recovery: NodeJS.Timeout | undefined
  #closed = false

  private constructor(port: LoopbackPort, keySet: FakeKeySet, options: FakeIdentityProviderOptions) {
    this.url = `${options.tls === undefined ? 'http' : 'https'}://127.0.0.1:${port.number}`
    this.jwksUri = `${this.url}/jwks`
    this.name = options.name ?? this.url
    this.alias = options.alias ?? 'https://api.example.com/oauth2/token'
    this.#unreachableFor = options.unreachableFor ?? 10_000
    this.#port = port
    this.#keySet = keySet
    port.serve((request, response) => this.#answer(request, response))
  }

  /** Resolves when it listens. It keeps the process alive until `close`. */
  static async start(options: FakeIdentityProviderOptions = {}): Promise<FakeIdentityProvider> {
    const keySet = await FakeKeySet.create(options.algorithm ?? 'RS256', options.keyIds ?? true)
    return new FakeIdentityProvider(await LoopbackPort.open(options.port ?? 0, options.tls), keySet, options)
  }

  /** The key that signs its assertions, published or not. */
  get signingKey(): FakeKey {
    return this.#keySet.signingKey
  }

  /** How many times the key set was requested, with any answer. Connections that failed do not count. */
  get fetches(): number {
    return this.#fetches
  }

  /**
   * Issues a signed JWT. Claims by default: `iss`, `sub` ('alice'), `aud`, `iat`, `exp` (in 300 seconds) and `jti`; header
   * by default: `alg`, `kid`, `typ` ('JWT'). A member given here replaces or adds one; `undefined` removes it. The
   * current key signs by its own algorithm, even if the header says otherwise.
   */
  issueAssertion(
    claims: Readonly<Record<string, unknown>> = {},
    header: Readonly<Record<string, unknown>> = {},
  ): Promise<string> {
    return this.#issue({ aud: this.alias, ...claims }, { typ: 'JWT', ...header })
  }

  /** The same with the defaults of an access token (RFC 9068): `typ` 'at+jwt', `client_id` 'app', `aud` 'https://api.example.com'. */
  issueAccessToken(
    claims: Readonly<Record<string, unknown>> = {},
    header: Readonly<Record<string, unknown>> = {},
  ): Promise<string> {
    return this.#issue({ aud: audience, client_id: 'app', ...claims }, { typ: 'at+jwt', ...header })
  }

  /**
   * Signs with a new key from now on. The key set then has the new key and, unless it was withdrawn, the previous one.
   * Default: the algorithm of the previous key.
   */
  rotate(algorithm: SigningAlgorithm = this.signingKey.algorithm): Promise<FakeKey> {
    return this.#keySet.rotate(algorithm)
  }

  /** Removes a key from the published key set. It still signs if it is the signing key. */
  withdraw(kid: string): void {
    this.#keySet.withdraw(kid)
  }

  /** Publishes anything as the `keys` member of the key set. `undefined`: its own keys again. */
  publish(members: unknown): void {
    this.#keySet.publish(members)
  }

  /**
   * Sends these headers with its key set from now on, and under `error`: `Cache-Control` or `Retry-After`. The key set
   * always has an `ETag`.
   */
  setKeySetHeaders(headers: Readonly<Record<string, string>>): void {
    this.#keySetHeaders = headers
  }

  /**
   * Resolves when the fault is in effect, instead of the previous one. A response that has begun ends unchanged. Rejects if
   * another process took the port; a later call may succeed.
   */
  fault(kind: FaultKind): Promise<void> {
    return this.#afterLastChange(() => this.#apply(kind))
  }

  /** Destroys every connection and frees the port. May be called again. */
  close(): Promise<void> {
    return this.#afterLastChange(async () => {
      clearTimeout(this.#recovery)
      this.#closed = true
      await this.#port.shut()
    })
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  #issue(claims: Readonly<Record<string, unknown>>, header: Readonly<Record<string, unknown>>): Promise<string> {
    const key = this.signingKey
    const now = Math.floor(Date.now() / 1000)
    const own = { iss: this.name, sub: 'alice', iat: now, exp: now + assertionLifetime, jti: randomUUID() }
    return signAssertion(key, { alg: key.algorithm, kid: key.publicJwk.kid, ...header }, { ...own, ...claims })
  }

  #afterLastChange(change: () => Promise<void>): Promise<void> {
    const done = this.#lastChange.then(change)
    this.#lastChange = done.catch(() => {})
    return done
  }

  async #apply(kind: FaultKind): Promise<void> {
    if (this.#closed) throw new Error('The fake identity provider is closed')
    if (!isFaultKind(kind)) throw new TypeError(`Unknown fault: ${kind}`)
    clearTimeout(this.#recovery)
    this.#fault = kind
    if (kind === 'down') await this.#port.shut()
    else if (kind === 'slow-connect') await this.#port.hold()
    else await this.#port.reopen()
  }

  #applyFromHttp(kind: FaultKind): Promise<void> {
    return this.#afterLastChange(async () => {
      await this.#apply(kind === 'down' ? 'off' : kind)
      this.#fault = kind
      if (kind === 'slow-connect') this.#recoverLater()
    })
  }

  #recoverLater(): void {
    this.#recovery = setTimeout(() => this.fault('off').catch(() => {}), this.#unreachableFor)
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    answerRequest(request, response, {
      keySet: () => this.#keySet.toJson(),
      metadata: () => JSON.stringify({ issuer: this.name, jwks_uri: this.jwksUri }),
      answerKeySet: () => {
        this.#fetches += 1
        answerKeySet(this.#fault, response, this.#keySet.toJson(), this.#keySetHeaders)
      },
      issueAssertion: (claims) => this.issueAssertion(claims),
      rotate: () => this.rotate(),
      fault: (kind) => this.#applyFromHttp(kind),
    }).catch(() => response.destroy())
  }
}
