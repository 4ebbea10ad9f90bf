import { isAscii } from 'node:buffer'
import { readHeader } from '../bearer/read-header.js'
import { OAuthError } from '../oauth/errors.js'
import type { ExpressRequest } from './http.js'

const FORM = 'application/x-www-form-urlencoded'
const UTF_8 = ['utf-8', 'utf8']
/** Charsets in which a byte below 128 is the same character as in UTF-8. */
const LIKE_UTF_8_IN_ASCII = ['us-ascii', 'ascii', 'iso-8859-1', 'iso8859-1', 'latin1', 'windows-1252', 'cp1252']

/**
 * Checks that a request carries a form (RFC 6749 App. B), whatever parameters its media type has besides `charset`.
 *
 * @returns whether the form must be ASCII, because its charset is another one than UTF-8
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

/** In lower case, without quotes; empty for one that is named and left out. What a quoted `;` makes up is refused. */
function charsetsOf(contentType: string): string[] {
  const parameters = contentType.toLowerCase().split(';').slice(1)
  return parameters.flatMap((parameter) => {
    const [name = '', value = ''] = parameter.split('=', 2).map((part) => part.trim())
    return name === 'charset' ? [value.replace(/^"(.*)"$/, '$1')] : []
  })
}
