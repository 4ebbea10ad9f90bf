import { printable } from '../errors/printable.js'
import { option } from '../option-checks/config-error.js'
import type { OptionReader } from '../option-checks/option-reader.js'
import { isSecureUrl } from '../option-checks/urls.js'

/** Microsoft Entra: endpoints for many tenants, which never occur as the `iss` of a token. */
const SHARED_NAME =
  /^https:\/\/(?:login\.(?:partner\.)?microsoftonline\.[a-z]+|(?:login|sts)\.windows\.net)\/(?:common|organizations|consumers)(?:\/|$)/i
/** What a name or an audience must be. */
export const EXACT = 'a non-empty string without white space around it: it is compared exactly'

/** Where the id of a tenant is in a name. */
export const TENANT = '{tenantid}'

/**
 * The name is compared exactly: a template or a pattern would match no token, except with the option `tenants`.
 *
 * @param key the option that has it
 */
export function readName(reader: OptionReader, key = 'name'): string {
  const name = reader.string(key, EXACT, isTrimmed)
  if (reader.isNamed('tenants')) {
    const expected = `an https URL with \`${TENANT}\` once, as a whole segment of its path, because of ${option('tenants')}`
    if (name !== '' && !isTemplate(name)) reader.problem(key, expected)
    return name
  }
  const slip = findSlip(name)
  const several = `or set ${option('tenants')} for several tenants, and write \`${TENANT}\` in the name`
  const expected = `the \`iss\` exactly as in its tokens, with one entry for each tenant; ${several}`
  if (slip !== undefined) reader.problem(key, expected, `${slip}, "${printable(name)}"`)
  return name
}

/** Whether `readName` notes no problem of it. */
export function isUsableName(name: unknown, isOfTenants = false): name is string {
  if (typeof name !== 'string' || !isTrimmed(name)) return false
  return isOfTenants ? isTemplate(name) : findSlip(name) === undefined
}

function isTemplate(name: string): boolean {
  const [before, after, ...more] = name.split(TENANT)
  const isSegment = before?.endsWith('/') === true && /^(?:\/|$)/.test(after ?? '-') && more.length === 0
  const example = name.replace(TENANT, 'tenant')
  const isInPath = before !== undefined && /^https?:\/\/[^/]+\//.test(before)
  return isSegment && isInPath && isSecureUrl(example) && !example.includes('?') && findSlip(example) === undefined
}

export function isTrimmed(text: string): boolean {
  return text !== '' && text === text.trim()
}

function findSlip(name: string): string | undefined {
  if (/[*{}<>]/.test(name)) return 'a template or a pattern'
  return SHARED_NAME.test(name) ? 'a name of many tenants' : undefined
}
