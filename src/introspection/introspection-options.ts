import {
  checkReachable,
  checkRoute,
  type EndpointConnectionOptions,
  type EndpointConnectionSettings,
  readEndpointConnection,
} from '../guarded-fetch/endpoint-connection.js'
import type { OptionReader } from '../option-checks/option-reader.js'
import { isSecureUrl } from '../option-checks/urls.js'

/**
 * Where and how the authorization server of access tokens is asked about them (RFC 7662). If it does not answer, the request is
 * answered with 503.
 *
 * @example
 * const introspection: IntrospectionOptions = {
 *   endpoint: 'https://auth.example.com/oauth2/introspect',
 *   clientId: 'orders-api',
 *   clientSecret: process.env.INTROSPECTION_SECRET ?? '',
 *   cacheTtl: 2000,
 * }
 */
export interface IntrospectionOptions extends EndpointConnectionOptions {
  /** The introspection endpoint: `https`, or `http` on loopback. */
  endpoint: string
  /** The client that asks. It is sent by HTTP Basic, form-encoded (RFC 6749 §2.3.1). */
  clientId: string
  /** Its secret. */
  clientSecret: string
  /**
   * Milliseconds for which an answer counts, from when the question was sent, 0 to 60 000. A revoked token is refused after at
   * most this time. With 0, each request asks. Default: 5000.
   */
  cacheTtl?: number
  /**
   * How many answers are kept, 1 to 1 000 000: so many about active tokens, and so many about others. The oldest one makes room.
   * Default: 10 000.
   */
  cacheMaxEntries?: number
  /** How many questions may be under way at once, 1 to 10 000. A request that needs one more gets 503. Default: 100. */
  maxConcurrent?: number
  /** Milliseconds for DNS, TCP and TLS together, 20 to 10 000. Default: 1000. */
  connectionTimeout?: number
  /** Milliseconds from the connection to the last byte of the answer: a deadline, 20 to 10 000. Default: 1000. */
  readTimeout?: number
  /** The largest answer, in bytes as received, 1024 to 1 048 576. Default: 51 200. */
  sizeLimitBytes?: number
}

/** The same, checked. */
export interface IntrospectionSettings {
  endpoint: URL
  /** The value of the header `Authorization`. */
  authorization: string
  cacheTtl: number
  cacheMaxEntries: number
  maxConcurrent: number
  limits: { connectionTimeout: number; readTimeout: number; sizeLimitBytes: number }
  connection: EndpointConnectionSettings
}

const ENDPOINT = 'an https URL without user info or fragment (http only on loopback)'

/** undefined: no endpoint is asked, or the options have a problem. */
export function readIntrospectionOptions(owner: OptionReader): IntrospectionSettings | undefined {
  if (!owner.has('introspection')) return undefined
  const reader = owner.object('introspection')
  const endpoint = reader.string('endpoint', ENDPOINT, isSecureUrl)
  const connection = readEndpointConnection(reader)
  checkRoute(reader, connection)
  if (endpoint !== '') {
    const why = 'a metadata service has no introspection endpoint'
    checkReachable(reader, connection, endpoint, { key: 'endpoint', why })
  }
  const settings = {
    authorization: basicOf(reader.string('clientId'), reader.secret('clientSecret')),
    ...readBounds(reader),
    connection,
  }
  reader.refuseUnknown()
  return endpoint === '' ? undefined : { endpoint: new URL(endpoint), ...settings }
}

function readBounds(reader: OptionReader) {
  const integer = (key: string, unit: string, min: number, max: number, fallback: number) =>
    reader.integer(key, { min, max, unit, default: fallback })
  return {
    cacheTtl: integer('cacheTtl', 'milliseconds', 0, 60_000, 5000),
    cacheMaxEntries: integer('cacheMaxEntries', 'answers', 1, 1_000_000, 10_000),
    maxConcurrent: integer('maxConcurrent', 'questions', 1, 10_000, 100),
    limits: {
      connectionTimeout: integer('connectionTimeout', 'milliseconds', 20, 10_000, 1000),
      readTimeout: integer('readTimeout', 'milliseconds', 20, 10_000, 1000),
      sizeLimitBytes: integer('sizeLimitBytes', 'bytes', 1024, 1_048_576, 51_200),
    },
  }
}

/** RFC 6749 §2.3.1: both are form-encoded before they are joined. */
function basicOf(clientId: string, clientSecret: string): string {
  return `Basic ${Buffer.from(`${formEncoded(clientId)}:${formEncoded(clientSecret)}`).toString('base64')}`
}

function formEncoded(text: string): string {
  return new URLSearchParams([['', text]]).toString().slice(1)
}
