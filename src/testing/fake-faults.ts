import { createHash } from 'node:crypto'
import type { ServerResponse } from 'node:http'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { clearInterval, setInterval } from 'node:timers'
import { gzipSync } from 'node:zlib'

/**
 * What is wrong with the fake identity provider. All but `down` and `slow-connect` concern its key set only.
 *
 * - `off`: nothing.
 * - `down`: connections are refused; those that were open are destroyed.
 * - `slow-connect`: a TCP connection neither completes nor fails; those that were open are destroyed. Linux only.
 * - `slow`: headers at once, then one byte each 20 ms without end, so that an inactivity timer never fires.
 * - `stalled`: the request is accepted and never answered.
 * - `oversize`: a good key set, padded with white space to 10 MiB, without Content-Length.
 * - `garbage`: 200 with a body that is not JSON.
 * - `error`: 500, with the good key set as its body.
 * - `redirect`: 302 to `/jwks/elsewhere`, which always serves the good key set.
 * - `compressed`: the good key set with `Content-Encoding: gzip`, even if the request does not accept it.
 */
export type FaultKind =
  | 'off'
  | 'down'
  | 'slow-connect'
  | 'slow'
  | 'stalled'
  | 'oversize'
  | 'garbage'
  | 'error'
  | 'redirect'
  | 'compressed'

/** A fault of the port itself. */
export type UnreachableFault = 'down' | 'slow-connect'

type Headers = Readonly<Record<string, string>>
type KeySetAnswer = (response: ServerResponse, keySet: string, headers: Headers) => void

/** The path of a good key set, even during a fault. */
export const elsewherePath = '/jwks/elsewhere'

const oversizeBytes = 10 * 1024 * 1024
const dripInterval = 20

const keySetAnswers: Readonly<Record<Exclude<FaultKind, UnreachableFault>, KeySetAnswer>> = {
  off: sendKeySet,
  slow: dripSlowly,
  stalled: () => {},
  oversize: sendOversize,
  garbage: (response) => sendJson(response, 200, 'this is not JSON'),
  error: (response, keySet, headers) => sendJson(response, 500, keySet, headers),
  redirect: (response) => response.writeHead(302, { location: elsewherePath }).end(),
  compressed: (response, keySet) => sendJson(response, 200, gzipSync(keySet), { 'content-encoding': 'gzip' }),
}

export function isUnreachable(kind: FaultKind): kind is UnreachableFault {
  return kind === 'down' || kind === 'slow-connect'
}

export function isFaultKind(kind: string): kind is FaultKind {
  return kind === 'down' || kind === 'slow-connect' || Object.hasOwn(keySetAnswers, kind)
}

/**
 * Answers a request for the key set according to the fault.
 *
 * @param headers sent with a good key set
 */
export function answerKeySet(kind: FaultKind, response: ServerResponse, keySet: string, headers: Headers): void {
  if (isUnreachable(kind)) response.req.socket.resetAndDestroy()
  else keySetAnswers[kind](response, keySet, headers)
}

/** With an entity tag, and 304 if the request already has this key set. */
function sendKeySet(response: ServerResponse, keySet: string, headers: Headers): void {
  const etag = `"${createHash('sha256').update(keySet).digest('base64url')}"`
  const isSame = response.req.headers['if-none-match'] === etag
  if (isSame) response.writeHead(304, { etag, ...headers }).end()
  else sendJson(response, 200, keySet, { etag, ...headers })
}

export function sendJson(response: ServerResponse, status: number, body: string | Buffer, headers: Headers = {}): void {
  response
    .writeHead(status, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body), ...headers })
    .end(body)
}

function dripSlowly(response: ServerResponse, keySet: string): void {
  const unfinished = Buffer.from(keySet.slice(0, -1))
  let sent = 0
  response.writeHead(200, { 'content-type': 'application/json' }).flushHeaders()
  const drip = setInterval(() => {
    response.write(sent < unfinished.length ? unfinished.subarray(sent, sent + 1) : ' ')
    sent += 1
  }, dripInterval)
  response.once('close', () => clearInterval(drip))
}

function sendOversize(response: ServerResponse, keySet: string): void {
  response.writeHead(200, { 'content-type': 'application/json' })
  const clientLeft = () => {}
  pipeline(Readable.from(padToOversize(Buffer.from(keySet))), response).catch(clientLeft)
}

function* padToOversize(keySet: Buffer): Generator<Buffer> {
  yield keySet.subarray(0, -1)
  const spaces = Buffer.alloc(64 * 1024, ' ')
  for (let left = oversizeBytes - keySet.length; left > 0; left -= spaces.length) yield spaces.subarray(0, left)
  yield keySet.subarray(-1)
}
