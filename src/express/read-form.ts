import { isAscii } from 'node:buffer'
import type { ServerResponse } from 'node:http'
import { parse as parseQuery } from 'node:querystring'
import bodyParser from 'body-parser'
import { fieldOf } from '../errors/field-of.js'
import { OAuthError } from '../oauth/errors.js'
import { type FormParameters, repeatedOrNested } from '../oauth/token-request.js'
import { readHeader } from '../protected-route/host-request.js'
import type { ExpressRequest, Middleware } from './http.js'

const FORM = 'application/x-www-form-urlencoded'
const UTF_8 = ['utf-8', 'utf8']
/** Charsets in which a byte below 128 is the same character as in UTF-8. */
const LIKE_UTF_8_IN_ASCII = ['us-ascii', 'ascii', 'iso-8859-1', 'iso8859-1', 'latin1', 'windows-1252', 'cp1252']

/**
 * Checks that a request carries a form (RFC 6749 App. B), with any parameters of its media type besides `charset`.
 *
 * @returns whether the form must be ASCII, because its charset is not UTF-8
 * @throws OAuthError `invalid_request`, with status 415 for a charset that would change what the form says
 */
export function checkFormType(req: ExpressRequest): boolean {
  const contentTypes = readHeader(req, 'content-type')
  if (contentTypes.length === 0 || !contentTypes.every(isFormType)) {
    throw new OAuthError('invalid_request', `The content type must be ${FORM}`)
  }
  const charsets = contentTypes.flatMap(charsetsOf)
  if (!charsets.every((charset) => UTF_8.includes(charset) || LIKE_UTF_8_IN_ASCII.includes(charset))) {
    throw notInUtf8()
  }
  return charsets.some((charset) => LIKE_UTF_8_IN_ASCII.includes(charset))
}

/** @throws OAuthError `invalid_request` with status 415 for a body with a character that is not ASCII */
export function checkAscii(body: unknown): void {
  const texts = typeof body === 'object' && body !== null ? Object.entries(body).flat(2) : [body]
  const isOther = (text: unknown) => typeof text === 'string' && /[\u0080-\uFFFF]/.test(text)
  if (Buffer.isBuffer(body) ? !isAscii(body) : texts.some(isOther)) throw notInUtf8()
}

function notInUtf8(): OAuthError {
  return new OAuthError('invalid_request', 'The form must be encoded in UTF-8', { status: 415 })
}

function isFormType(contentType: string): boolean {
  return contentType.split(';', 1)[0]?.trim().toLowerCase() === FORM
}

/** In lower case, without quotes; empty if it has no value. A quoted `;` leads to a refusal. */
function charsetsOf(contentType: string): string[] {
  const parameters = contentType.toLowerCase().split(';').slice(1)
  return parameters.flatMap((parameter) => {
    const [name = '', value = ''] = parameter.split('=', 2).map((part) => part.trim())
    return name === 'charset' ? [value.replace(/^"(.*)"$/, '$1')] : []
  })
}

const MAX_PARAMETERS = 100

/** Bytes after which a body that is too large is not read to its end. */
const MAX_DRAINED = 4_194_304

/** Reads the bytes, for any charset. @param limit the largest body in bytes */
export function createFormParser(limit: number): Middleware {
  return bodyParser.raw({ type: () => true, inflate: false, limit })
}

/**
 * The parameters of a form (RFC 6749 §3.2, App. B), without the empty ones. A body that the host has already parsed is
 * taken from `req.body`, even if another parser did it.
 *
 * @throws OAuthError `invalid_request`, with status 413 or 415 if the parser says so
 */
export async function readForm(
  req: ExpressRequest,
  res: ServerResponse,
  parseForm: Middleware,
): Promise<FormParameters> {
  const mustBeAscii = checkFormType(req)
  if (!req.readableDidRead) await parseBody(req, res, parseForm)
  if (mustBeAscii) checkAscii(req.body)
  return readParameters(fieldsOf(req.body))
}

/** body-parser reads a body that is too large to its end before it refuses it, so one without an end would never be answered. */
export function parseBody(req: ExpressRequest, res: ServerResponse, parseForm: Middleware): Promise<void> {
  return new Promise((resolve, reject) => {
    let size = 0
    req.on('data', (chunk: Buffer) => {
      size += chunk.length
      if (size > MAX_DRAINED) reject(tooLarge({ Connection: 'close' }))
    })
    parseForm(req, res, (error?: unknown) => (error === undefined ? resolve() : reject(bodyError(error))))
  })
}

/** body-parser's own errors, whose messages quote input, as ours. */
function bodyError(error: unknown): OAuthError {
  const status = fieldOf(error, 'status')
  if (status === 413) return tooLarge()
  if (status === 415) {
    return new OAuthError('invalid_request', 'The request body has an unsupported encoding', { status: 415 })
  }
  return new OAuthError('invalid_request', 'The request body cannot be read')
}

function tooLarge(headers: Readonly<Record<string, string>> = {}): OAuthError {
  return new OAuthError('invalid_request', 'The request body is too large', { status: 413, headers })
}

function tooManyParameters(): OAuthError {
  return new OAuthError('invalid_request', 'There are too many parameters')
}

function fieldsOf(body: unknown): Readonly<Record<string, unknown>> {
  if (typeof body === 'string') return parseText(body)
  if (Buffer.isBuffer(body)) return fieldsOf(body.toString('utf8'))
  if (typeof body === 'object' && body !== null && !Array.isArray(body)) return { ...body }
  throw new OAuthError('invalid_request', 'The request has no body, or another middleware consumed it', {
    reason: 'body_not_available',
  })
}

/** Counted before it is parsed: a form of names alone would take twenty times as long as an assertion. */
function parseText(form: string): Readonly<Record<string, unknown>> {
  if (hasTooMany(form)) throw tooManyParameters()
  return parseQuery(form, '&', '=', { maxKeys: 0 }) // No limit: a parameter that is cut off may be a repetition.
}

function hasTooMany(form: string): boolean {
  let at = -1
  for (let separators = 0; separators < MAX_PARAMETERS; separators += 1) {
    at = form.indexOf('&', at + 1)
    if (at === -1) return false
  }
  return true
}

function readParameters(fields: Readonly<Record<string, unknown>>): FormParameters {
  const parameters = new Map<string, readonly string[]>()
  const repeated: string[] = []
  let count = 0
  for (const [name, field] of Object.entries(fields)) {
    const values: unknown[] = Array.isArray(field) ? Array.from(field) : [field]
    if (Array.isArray(field)) repeated.push(name)
    count += values.length
    if (!values.every((value) => typeof value === 'string')) throw repeatedOrNested()
    const filled = values.filter((value) => value !== '')
    if (filled.length > 0) parameters.set(name, filled)
  }
  if (count > MAX_PARAMETERS) throw tooManyParameters()
  const one = (name: string) => {
    if (repeated.includes(name)) throw repeatedOrNested()
    return parameters.get(name)?.[0]
  }
  return { one, all: (name) => parameters.get(name) ?? [], repeated }
}
