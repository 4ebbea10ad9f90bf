import { printable } from '../errors/printable.js'
import type { IdentityProviderRegistration } from '../identity-provider-store/identity-provider-store.js'
import { parseJson } from '../jwt/parse-json.js'
import { isJsonObject, ownMember } from '../jwt/parse-json-object.js'
import { describeType } from '../option-checks/describe-value.js'

/** What another server knows about an identity provider, in the options of this package. */
export interface ImportedRegistration {
  /**
   * The options that were found. Nothing in it says who is accepted, so it has at least this problem. `name`, `id` and keys may
   * be missing: `checkIdentityProvider` names all problems.
   */
  registration: Partial<IdentityProviderRegistration>
  /** Every other member of the source that has a value, in the order of the source. */
  notMapped: readonly NotMapped[]
}

/** A member of the source that has no part in the registration. */
export interface NotMapped {
  /** Where it is in the source, such as `config.clientSecret`. Never its value. */
  path: string
  why: string
}

type Registration = ImportedRegistration['registration']

/** Characters of JSON text. */
const MAX_LENGTH = 4_194_304
const MAX_IDENTITY_PROVIDERS = 1000
/** Of all identity providers together. */
const MAX_NOT_MAPPED = 20_000
const NO_COUNTERPART = 'this has no counterpart here'

/**
 * A copy as parsed JSON has it, so that no getter, proxy or prototype of the caller is read later.
 *
 * @throws TypeError if it is not a JSON object or array, or too long
 */
export function readForeignDocument(document: unknown): object {
  const text = stringify(document)
  if (text === undefined) throw new TypeError('the document cannot be written as JSON; expected parsed JSON')
  if (text.length > MAX_LENGTH) throw new TypeError(`the document has more than ${MAX_LENGTH} characters as JSON`)
  const copy = parseJson(text)
  if (typeof copy === 'object' && copy !== null) return copy
  const hint = typeof copy === 'string' ? '; export as JSON, not as YAML or XML' : ''
  throw new TypeError(`the document is ${describeType(copy)}; expected a JSON object${hint}`)
}

/** undefined for a circle, a BigInt, a getter that throws, and what nests too deep or is too long for one text. */
function stringify(document: unknown): string | undefined {
  try {
    return JSON.stringify(document)
  } catch {
    return undefined
  }
}

/** A list of identity providers, a document with such a list, or one of them. */
export function entriesOf(document: object): readonly unknown[] {
  if (Array.isArray(document)) return document
  const list = ownMember(document, 'identityProviders')
  return Array.isArray(list) ? list : [document]
}

/** @throws TypeError if there are none, too many, or other values than objects */
export function requireIdentityProviders(entries: readonly unknown[]): readonly object[] {
  if (entries.length === 0) throw new TypeError('the document has no identity providers')
  if (entries.length > MAX_IDENTITY_PROVIDERS) {
    throw new TypeError(`the document has more than ${MAX_IDENTITY_PROVIDERS} identity providers; import fewer at once`)
  }
  return entries.map((entry, index) => {
    if (isJsonObject(entry)) return entry
    throw new TypeError(`identity provider ${index + 1} is ${describeType(entry)}; expected a JSON object`)
  })
}

/** @throws TypeError if so many members are not mapped that the document is not what it seems to be */
export function checkNotTooMany(imported: readonly ImportedRegistration[]): void {
  const count = imported.reduce((total, { notMapped }) => total + notMapped.length, 0)
  if (count > MAX_NOT_MAPPED) throw new TypeError('the document has too many members; import fewer at once')
}

/** The option if it has a value. */
export function optional<Name extends keyof Registration>(
  name: Name,
  value: Registration[Name] | undefined,
): Registration {
  return value === undefined ? {} : { [name]: value }
}

/** The members of one object of the source. Each is read once, and what was not read can be listed. */
export class ForeignMembers {
  readonly #members: ReadonlyMap<string, unknown>
  readonly #read = new Set<string>()
  readonly #prefix: string
  readonly #notMapped: NotMapped[]

  /** @param notMapped gets what cannot be mapped, also of nested objects */
  constructor(object: object, notMapped: NotMapped[], prefix = '') {
    this.#members = new Map(Object.entries(object).filter(([, value]) => !isEmpty(value)))
    this.#notMapped = notMapped
    this.#prefix = prefix
  }

  has(name: string): boolean {
    return this.#members.has(name)
  }

  /** undefined if it is absent or empty. */
  text(name: string): string | undefined {
    return this.#readAs(name, 'text', (value) => (typeof value === 'string' ? value : undefined))
  }

  /** `true` and `false`, also as text. */
  flag(name: string): boolean | undefined {
    return this.#readAs(name, 'true or false', (value) => {
      return value === true || value === 'true' ? true : value === false || value === 'false' ? false : undefined
    })
  }

  /** A whole number within bounds, also as text. */
  wholeNumber(name: string, min: number, max: number): number | undefined {
    return this.#readAs(name, `a whole number from ${min} to ${max}`, (value) => {
      const number = typeof value === 'string' && /^\d{1,15}$/.test(value) ? Number(value) : value
      return Number.isInteger(number) && Number(number) >= min && Number(number) <= max ? Number(number) : undefined
    })
  }

  list(name: string): readonly unknown[] {
    return this.#readAs(name, 'a list', (value) => (Array.isArray(value) ? value : undefined)) ?? []
  }

  object(name: string): ForeignMembers | undefined {
    const value = this.#readAs(name, 'an object', (each) => (isJsonObject(each) ? each : undefined))
    return value && new ForeignMembers(value, this.#notMapped, `${this.#pathOf(name)}.`)
  }

  /** Notes that a member, or a part of it, is not mapped. Nothing is noted if it is absent or empty. */
  leave(name: string, why: string, within = ''): void {
    if (!this.#members.has(name)) return
    this.#read.add(name)
    this.#notMapped.push({ path: `${this.#pathOf(name)}${printable(within)}`, why })
  }

  /** Notes all members that were not read. */
  leaveOthers(reasons: Readonly<Record<string, string>>): void {
    for (const name of this.#members.keys()) {
      if (this.#read.has(name)) continue
      this.leave(name, (Object.hasOwn(reasons, name) ? reasons[name] : undefined) ?? NO_COUNTERPART)
    }
  }

  #readAs<Value>(name: string, expected: string, read: (value: unknown) => Value | undefined): Value | undefined {
    if (!this.#members.has(name)) return undefined
    this.#read.add(name)
    const value = this.#members.get(name)
    const found = read(value)
    if (found === undefined) this.leave(name, `got ${describeUnusable(value)}; expected ${expected}`)
    return found
  }

  #pathOf(name: string): string {
    return `${this.#prefix}${printable(name)}`
  }
}

/** Its kind alone: it may be a secret. */
function describeUnusable(value: unknown): string {
  return typeof value === 'string' ? 'another text' : typeof value === 'number' ? 'another number' : describeType(value)
}

/** It says nothing, so nothing is lost without it. */
function isEmpty(value: unknown): boolean {
  if (typeof value === 'object' && value !== null) return Object.keys(value).length === 0
  return value === null || value === ''
}
