import { isPlainObject } from '../option-checks/describe-value.js'
import type { OptionReader } from '../option-checks/option-reader.js'
import { CLAIM_PATH, type ClaimPath, type Claims, isSamePath, parseClaimPath, readClaim } from '../policy/claim-path.js'

/**
 * Which assertions of an issuer an entry is for, if several entries have the same `name`. Other assertions match another
 * entry of this `name`, or none.
 *
 * @example
 * const registration: RegistrationOptions = { claim: 'tenant', value: 'acme' }
 */
export interface RegistrationOptions {
  /** The path of a claim, such as `tenant` or `"kubernetes.io".namespace`: the same in all entries with one `name`. */
  claim: string
  /** What the claim must be: a string, compared exactly. Each entry with one `name` has another value. */
  value: string
}

/** The assertions of an issuer whose claim has this value. */
export interface RegistrationCondition {
  /** As it was written. */
  claim: string
  path: ClaimPath
  value: string
}

/** What an entry accepts: all assertions of an issuer, or those that satisfy a condition. */
export interface RegistrationScope {
  /** The `iss`. */
  name: string
  registration: RegistrationCondition | undefined
}

/** undefined without the option, or after noting what is wrong with it. */
export function readRegistration(reader: OptionReader): RegistrationCondition | undefined {
  if (!reader.has('registration')) return undefined
  const own = reader.object('registration')
  if (!isPlainObject(reader.hostObject('registration'))) return undefined // It is a problem already.
  const claim = own.string('claim', CLAIM_PATH, (text) => parseClaimPath(text) !== undefined)
  const value = own.string('value', 'a non-empty string: the claim is compared with it exactly')
  own.refuseUnknown()
  const path = claim === '' ? undefined : parseClaimPath(claim)
  return path === undefined || value === '' ? undefined : { claim, path, value }
}

/** Whether the claim is exactly the value. */
export function doesMatch({ path, value }: RegistrationCondition, claims: Claims): boolean {
  return readClaim(claims, path) === value
}

/** Whether there can be an assertion that both accept. Conditions on different claims can hold together. */
export function doOverlap(one: RegistrationScope, other: RegistrationScope): boolean {
  if (one.name !== other.name) return false
  if (one.registration === undefined || other.registration === undefined) return true
  return !isSameClaim(one.registration, other.registration) || one.registration.value === other.registration.value
}

/** Whether both accept exactly the same assertions. */
export function isSameScope(one: RegistrationScope, other: RegistrationScope): boolean {
  if (one.name !== other.name) return false
  if (one.registration === undefined || other.registration === undefined) return one.registration === other.registration
  return isSameClaim(one.registration, other.registration) && one.registration.value === other.registration.value
}

/** Whether both read the same claim, in any spelling. A JSON Pointer also reads arrays, so it is a different path. */
export function isSameClaim({ path: one }: RegistrationCondition, { path: other }: RegistrationCondition): boolean {
  return one.indexesArrays === other.indexesArrays && isSamePath(one, other)
}

/** The registrations of one issuer, by the value of the claim that distinguishes them. */
export class RegistrationsOfIssuer<Provider extends RegistrationScope> {
  /** The claim as it is written in the options. */
  readonly claim: string
  readonly #path: ClaimPath
  readonly #byValue: ReadonlyMap<string, Provider>

  /** @param providers of one issuer, all with a condition on the same claim, each with another value */
  constructor(condition: RegistrationCondition, providers: readonly Provider[]) {
    this.claim = condition.claim
    this.#path = condition.path
    this.#byValue = new Map(providers.map((each) => [each.registration?.value ?? '', each]))
  }

  get values(): readonly string[] {
    return [...this.#byValue.keys()]
  }

  /** The one whose value the claim has: an array of values, or any other type, matches none. */
  find(claims: Claims): Provider | undefined {
    const value = this.claimOf(claims)
    return typeof value === 'string' ? this.#byValue.get(value) : undefined
  }

  claimOf(claims: Claims): unknown {
    return readClaim(claims, this.#path)
  }
}
