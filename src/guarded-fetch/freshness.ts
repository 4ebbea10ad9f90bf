import type { IncomingHttpHeaders } from 'node:http'

/** Milliseconds. An endpoint that asks for more is asked again after this time. */
const MAX_RETRY_AFTER = 300_000
/** A name and, quoted or as a token, its value (RFC 9111 §5.2, RFC 9110 §5.6.2 and §5.6.4). */
const DIRECTIVE = /([\w!#$%&'*+.^`|~-]+)(?:\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]*)))?/g
const SECONDS = /^\d+$/
/** More counts as this much (RFC 9111 §1.2.2). */
const MAX_SECONDS = 2 ** 31
/** The three forms of RFC 9110 §5.6.7; the last one names no zone. */
const DATES = [
  /^[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT$/,
  /^[A-Z][a-z]+day, \d{2}-[A-Z][a-z]{2}-\d{2} \d{2}:\d{2}:\d{2} GMT$/,
  /^[A-Z][a-z]{2} [A-Z][a-z]{2} [ \d]\d \d{2}:\d{2}:\d{2} \d{4}$/,
]

/**
 * For how many milliseconds an answer says that it is fresh (RFC 9111 §4.2): `max-age` less `Age`. 0 with `no-store` or
 * `no-cache`, or if `max-age` is malformed; undefined if `Cache-Control` does not say.
 */
export function readMaxAge(headers: IncomingHttpHeaders): number | undefined {
  const directives = [...(headers['cache-control'] ?? '').matchAll(DIRECTIVE)].map(
    ([, name = '', quoted, token]) => [name.toLowerCase(), quoted ?? token ?? ''] as const,
  )
  if (directives.some(([name]) => name === 'no-store' || name === 'no-cache')) return 0
  const ages = directives.filter(([name]) => name === 'max-age').map(([, value]) => secondsOf(value) ?? 0)
  return ages.length === 0 ? undefined : Math.max(0, Math.min(...ages) - (secondsOf(headers.age) ?? 0)) * 1000
}

/**
 * For how many milliseconds an endpoint asks for no further request (RFC 9110 §10.2.3), at most 300 000; undefined if it
 * does not say.
 *
 * @param now in seconds since the epoch
 */
export function readRetryAfter(headers: IncomingHttpHeaders, now: number): number | undefined {
  const value = headers['retry-after']
  const seconds = secondsOf(value) ?? secondsUntil(value, now)
  return seconds === undefined ? undefined : Math.min(MAX_RETRY_AFTER, Math.max(0, seconds * 1000))
}

function secondsOf(text: string | undefined): number | undefined {
  return text !== undefined && SECONDS.test(text) ? Math.min(MAX_SECONDS, Number(text)) : undefined
}

function secondsUntil(date: string | undefined, now: number): number | undefined {
  if (date === undefined || !DATES.some((form) => form.test(date))) return undefined
  const time = Date.parse(date.endsWith('GMT') ? date : `${date} GMT`)
  return Number.isNaN(time) ? undefined : time / 1000 - now
}
