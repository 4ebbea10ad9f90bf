import type { ServerResponse } from 'node:http'
import { fieldOf } from '../errors/field-of.js'
import type { ExpressRequest } from '../express/http.js'
import { createFormParser, parseBody } from '../express/read-form.js'
import { isJsonObject, parseJsonObject } from '../jwt/parse-json-object.js'
import { readHeader } from '../protected-route/host-request.js'
import { AdminProblem } from './problem.js'

export type JsonObject = Readonly<Record<string, unknown>>

/** Bytes of a body, but for routes that say otherwise. */
const MAX_BODY = 262_144
const MAX_DEPTH = 32
const FORBIDDEN_NAMES = ['__proto__', 'constructor', 'prototype']
const JSON_TYPES = ['application/json', 'application/merge-patch+json']

/**
 * The JSON object in the body; an empty body is `{}`. Bodies of other types are refused even if they are empty, because the
 * form of another site can send these without asking. A body that the host has parsed before is taken from `req.body`.
 *
 * @throws AdminProblem 400, 413, 415
 */
export async function readJson(req: ExpressRequest, res: ServerResponse, maxBytes = MAX_BODY): Promise<JsonObject> {
  checkType(req)
  if (!req.readableDidRead) await readBytes(req, res, maxBytes)
  const body = objectIn(req.body, maxBytes)
  const fault = findFault(body, 1)
  if (fault !== undefined) throw malformed(fault)
  return body
}

/** @throws AdminProblem 415 */
function checkType(req: ExpressRequest): void {
  const types = readHeader(req, 'content-type').map((type) => type.toLowerCase().split(';'))
  const isJson = types.length === 1 && types.every(([type = '']) => JSON_TYPES.includes(type.trim()))
  const parameters = types.flatMap(([, ...others]) => others.map((each) => each.replace(/[\s"]/g, '')))
  const isUtf8 = parameters.every((each) => each === '' || each === 'charset=utf-8' || each === 'charset=utf8')
  if (isJson && isUtf8) return
  throw new AdminProblem(
    'unsupported-media-type',
    'Send JSON in UTF-8, with the header Content-Type: application/json.',
  )
}

async function readBytes(req: ExpressRequest, res: ServerResponse, maxBytes: number): Promise<void> {
  try {
    await parseBody(req, res, createFormParser(maxBytes))
  } catch (error) {
    const status = fieldOf(error, 'status')
    if (status === 413) throw tooLarge(maxBytes)
    if (status === 415) throw new AdminProblem('unsupported-media-type', 'Send the body without Content-Encoding.')
    throw malformed('The body cannot be read')
  }
}

function objectIn(body: unknown, maxBytes: number): JsonObject {
  if (body === undefined || body === null) return {}
  if (Buffer.isBuffer(body)) return parseText(decode(body))
  if (typeof body === 'string') return parseText(body)
  if (!isJsonObject(body)) throw notAnObject()
  if (JSON.stringify(body).length > maxBytes) throw tooLarge(maxBytes)
  return body
}

/** A byte order mark stays, and is then refused as what it is in JSON (RFC 8259 §8.1). */
function decode(bytes: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    throw malformed('The body is not valid UTF-8')
  }
}

function parseText(text: string): JsonObject {
  if (text === '') return {}
  const object = parseJsonObject(text)
  if (object === undefined) throw notAnObject()
  return object
}

/** What a store or another reader could understand in another way; undefined: nothing. */
function findFault(value: unknown, depth: number): string | undefined {
  if (typeof value === 'string') return isPlainText(value) ? undefined : 'A text has characters that cannot be stored'
  if (typeof value === 'number') return isExact(value) ? undefined : 'A number is too large to be exact'
  if (typeof value !== 'object' || value === null) return undefined
  if (depth > MAX_DEPTH) return `The body is nested more than ${MAX_DEPTH} levels deep`
  for (const [name, member] of Object.entries(value)) {
    if (FORBIDDEN_NAMES.includes(name) || !isPlainText(name)) return 'The name of a member is not allowed'
    const fault = findFault(member, depth + 1)
    if (fault !== undefined) return fault
  }
  return undefined
}

/** Databases refuse the null character, and half of a surrogate pair. */
function isPlainText(text: string): boolean {
  return !text.includes('\0') && text.isWellFormed()
}

function isExact(value: number): boolean {
  return !Object.is(value, -0) && (Number.isSafeInteger(value) || !Number.isInteger(value)) && Number.isFinite(value)
}

function malformed(detail: string): AdminProblem {
  return new AdminProblem('malformed-request', `${detail}.`)
}

function notAnObject(): AdminProblem {
  return malformed(`The body must be one JSON object without repeated members, at most ${MAX_DEPTH} levels deep`)
}

/** The rest of the body is not read. */
function tooLarge(maxBytes: number): AdminProblem {
  const headers = { Connection: 'close' }
  return new AdminProblem('body-too-large', `A body may have at most ${maxBytes} bytes.`, { headers })
}
