import { printable } from '../errors/printable.js'
import type { OptionReader } from '../option-checks/option-reader.js'

/** Microsoft Entra: endpoints for many tenants, which never occur as the `iss` of a token. */
const SHARED_NAME =
  /^https:\/\/(?:login\.(?:partner\.)?microsoftonline\.[a-z]+|(?:login|sts)\.windows\.net)\/(?:common|organizations|consumers)(?:\/|$)/i
/** What a name or an audience must be. */
export const EXACT = 'a non-empty string without white space around it: it is compared exactly'

/** The name is compared exactly: a template or a pattern would match no token. */
export function readName(reader: OptionReader): string {
  const name = reader.string('name', EXACT, isTrimmed)
  const slip = findSlip(name)
  const expected = 'the `iss` exactly as in its tokens, with one entry for each tenant'
  if (slip !== undefined) reader.problem('name', expected, `${slip}, "${printable(name)}"`)
  return name
}

/** Whether `readName` notes no problem of it. */
export function isUsableName(name: unknown): name is string {
  return typeof name === 'string' && isTrimmed(name) && findSlip(name) === undefined
}

export function isTrimmed(text: string): boolean {
  return text !== '' && text === text.trim()
}

function findSlip(name: string): string | undefined {
  if (/[*{}<>]/.test(name)) return 'a template or a pattern'
  return SHARED_NAME.test(name) ? 'a name of many tenants' : undefined
}
