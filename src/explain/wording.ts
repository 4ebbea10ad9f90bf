import type { ClientOptions } from '../client-auth/client-options.js'
import { printable } from '../errors/printable.js'
import type { AcceptedAccessTokenOptions } from '../identity-provider/accepted-access-tokens.js'
import type { IdentityProviderOptions } from '../identity-provider/identity-provider-options.js'
import type { JwksEndpointOptions } from '../jwks/jwks-endpoint-options.js'
import type { ClaimOperators } from '../policy/claim-operators.js'

/** The options that hints name. */
type OptionName = keyof (IdentityProviderOptions &
  AcceptedAccessTokenOptions &
  JwksEndpointOptions &
  ClientOptions &
  ClaimOperators)

/** Characters of what is said of a step: more would be cut. */
const MAX_LENGTH = 200
const CUT = '...'
/** The end of the year 9999: a later NumericDate is not a date. */
const MAX_DATE = 253_402_300_799

/** The name of an option as it is written in code, and in a file if that differs: `maxAge (max_age)`. */
export function optionName(name: OptionName): string {
  const inFile = nameInFile(name)
  return inFile === name ? name : `${name} (${inFile})`
}

export function nameInFile(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
}

/** A value of a claim or a parameter as JSON. */
export function describeClaim(value: unknown): string {
  return value === undefined ? 'none' : (JSON.stringify(value) ?? 'nothing')
}

/** A NumericDate in words, as seen from now; anything else as JSON. */
export function describeDate(value: unknown, now: number): string {
  if (typeof value !== 'number' || !Number.isFinite(value) || Math.abs(value) > MAX_DATE) return describeClaim(value)
  const seconds = Math.round(value - now)
  const distance = seconds < 0 ? `${-seconds} s ago` : `in ${seconds} s`
  return `${new Date(value * 1000).toISOString()}, ${distance}`
}

/** Several texts in one, the longest of them cut, so that none hides another. */
export function sideBySide(texts: readonly string[], beginning = ''): string {
  const parts = texts.map(printable)
  for (let maxLength = MAX_LENGTH; maxLength > CUT.length; maxLength -= 1) {
    const joined = `${beginning}${parts.map((part) => cut(part, maxLength)).join('; ')}`
    if (joined.length <= MAX_LENGTH) return joined
  }
  return beginning
}

function cut(text: string, maxLength: number): string {
  return text.length <= maxLength ? text : `${text.slice(0, maxLength - CUT.length)}${CUT}`
}
