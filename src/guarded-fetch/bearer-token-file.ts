import { constants } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { resolve } from 'node:path'
import { fieldOf } from '../errors/field-of.js'
import { option } from '../option-checks/config-error.js'
import { isPlainObject } from '../option-checks/describe-value.js'
import type { OptionReader } from '../option-checks/option-reader.js'
import { isInsecure } from '../option-checks/urls.js'
import { JwksFetchError } from './fetch-error.js'
import { namesAuthorization } from './request-headers.js'

/** Bytes of the file: Node refuses longer headers. */
const MAX_BYTES = 16_384
/** Visible ASCII: a credential of RFC 6750 §2.1, and what servers take in addition. */
const TOKEN = /^[\x21-\x7E]+$/
/** A token itself, where the name of its file belongs. A configuration file has put its own directory before it. */
const IS_TOKEN = /(?:^|[/\\])(?:Bearer |eyJ[\w-]+\.)/i

/** Reads the option `bearerTokenFile`. Nothing of its value is repeated, because it may be the token itself. */
export function readBearerTokenFile(reader: OptionReader, endpoint: string | undefined): string | undefined {
  if (!reader.has('bearerTokenFile')) return undefined
  const path = reader.secret('bearerTokenFile')
  if (path === '') return undefined // A problem already.
  if (IS_TOKEN.test(path) || path.includes('\0')) {
    reader.problem('bearerTokenFile', 'the name of a file that has the token', 'something else')
    return undefined
  }
  const headers = reader.value('headers')
  if (isPlainObject(headers) && namesAuthorization(headers)) {
    const text = `${option('headers')} has the header Authorization as well; remove one of them`
    reader.note('conflict', 'bearerTokenFile', text)
  }
  if (endpoint !== undefined && isInsecure(new URL(endpoint))) {
    reader.note('conflict', 'bearerTokenFile', 'a token must not be sent without TLS (RFC 6750 §5.3); use an https URL')
  }
  return resolve(path)
}

/**
 * The token that a file has now: it is replaced on disk before it expires.
 *
 * @throws JwksFetchError `bearer_token_file_failed`, which says nothing of the content
 */
export async function readBearerToken(path: string): Promise<string> {
  let file: FileHandle | undefined
  try {
    // Without waiting for a writer, if it is a pipe.
    file = await open(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0))
    return await readToken(file)
  } catch (error) {
    if (fieldOf(error, 'name') === 'JwksFetchError') throw error
    const code = fieldOf(error, 'code')
    throw new JwksFetchError('bearer_token_file_failed', typeof code === 'string' ? { code } : {})
  } finally {
    await file?.close()
  }
}

async function readToken(file: FileHandle): Promise<string> {
  if (!(await file.stat()).isFile()) throw failed('it is not a regular file')
  const { buffer, bytesRead } = await file.read(Buffer.alloc(MAX_BYTES + 1))
  if (bytesRead > MAX_BYTES) throw failed(`it has more than ${MAX_BYTES} bytes`)
  const token = buffer.toString('latin1', 0, bytesRead).trim()
  if (token === '') throw failed('it is empty')
  if (!TOKEN.test(token)) throw failed('it has something else than one token of visible ASCII characters')
  return token
}

function failed(detail: string): JwksFetchError {
  return new JwksFetchError('bearer_token_file_failed', { detail })
}
