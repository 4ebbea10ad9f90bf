import { DER_TAGS, type DerValue, derContentsOf, derMembersOf, derObjectIdentifier, readDerValues } from './der.js'

/** One attribute of a name: its type as an object identifier, and its value. */
interface NameAttribute {
  type: string
  value: string
}

/** The relative distinguished names in the order of the certificate. Each has one attribute or more, in no order. */
export type DistinguishedName = readonly (readonly NameAttribute[])[]

/** The names of RFC 4514 §3 and RFC 4519, and others that are common in client certificates. */
const ATTRIBUTE_TYPES: Readonly<Record<string, string>> = {
  CN: '2.5.4.3',
  SN: '2.5.4.4',
  SERIALNUMBER: '2.5.4.5',
  C: '2.5.4.6',
  L: '2.5.4.7',
  ST: '2.5.4.8',
  STREET: '2.5.4.9',
  O: '2.5.4.10',
  OU: '2.5.4.11',
  TITLE: '2.5.4.12',
  BUSINESSCATEGORY: '2.5.4.15',
  POSTALCODE: '2.5.4.17',
  GIVENNAME: '2.5.4.42',
  GN: '2.5.4.42',
  ORGANIZATIONIDENTIFIER: '2.5.4.97',
  UID: '0.9.2342.19200300.100.1.1',
  DC: '0.9.2342.19200300.100.1.25',
  JURISDICTIONC: '1.3.6.1.4.1.311.60.2.1.3',
  EMAILADDRESS: '1.2.840.113549.1.9.1',
}
const OBJECT_IDENTIFIER = /^[0-2](?:\.(?:0|[1-9]\d{0,13}))+$/

/** `type=value`, then what separates it from the next one. The value is in hexadecimal DER, or text with escapes (RFC 4514 §3). */
const ATTRIBUTE =
  /([A-Za-z][A-Za-z0-9-]*|\d+(?:\.\d+)+)=(?:#((?:[0-9A-Fa-f]{2})+)|(?![ #])((?:\\(?:[0-9A-Fa-f]{2}|[ "#+,;<=>\\])|[^\p{Cc}\p{Cs}"+,;<>\\])+))(?:([,+])|$)/uy
const VALUE_PART = /\\([0-9A-Fa-f]{2})|\\(.)|([^\\]+)/gu
const ENDS_IN_SPACE = /(?:^|[^\\])(?:\\\\)* $/
const ESCAPED = /["+,;<>\\]|^[ #]| $/g
const CONTROL = /\p{Cc}/gu

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
const utf16 = new TextDecoder('utf-16be', { fatal: true, ignoreBOM: true })
const IS_ASCII = /^\p{ASCII}*$/u

/** A distinguished name as RFC 4514 writes it, the last part first; undefined if it is malformed. */
export function parseDistinguishedName(text: string): DistinguishedName | undefined {
  try {
    const name: NameAttribute[][] = [[]]
    let separator: string | undefined = ','
    for (let at = 0; separator !== undefined; ) {
      ATTRIBUTE.lastIndex = at
      const [whole, type = '', hex, written = '', next]: (string | undefined)[] = ATTRIBUTE.exec(text) ?? []
      const value = hex === undefined ? unescapeValue(written) : readHexValue(hex)
      if (whole === undefined || value === '') return undefined
      name.at(-1)?.push({ type: typeOf(type), value })
      at += whole.length
      separator = next
      if (next === ',') name.push([])
    }
    return withDistinctTypes(name.reverse())
  } catch {
    return undefined
  }
}

/**
 * The name in a certificate (RFC 5280 §4.1.2.4).
 *
 * @throws RangeError if it is malformed or has a string type that is not compared; TypeError if its text is not in the encoding of
 * its type
 */
export function readDistinguishedName(value: DerValue | undefined): DistinguishedName {
  const parts = derMembersOf(value, DER_TAGS.sequence).map((part) =>
    derMembersOf(part, DER_TAGS.set).map((attribute) => {
      const [type, text, ...others] = derMembersOf(attribute, DER_TAGS.sequence)
      if (text === undefined || others.length > 0) throw new RangeError('An attribute has a type and a value')
      return { type: derObjectIdentifier(type), value: readText(text) }
    }),
  )
  return withDistinctTypes(parts)
}

/** The same text for equal names and for no others: values are compared exactly, in the order of the certificate. */
export function canonicalName(name: DistinguishedName): string {
  return JSON.stringify(name.map((part) => part.map(({ type, value }) => [type, value]).sort()))
}

/** As RFC 4514 writes it, for operators. */
export function formatDistinguishedName(name: DistinguishedName): string {
  const parts = name.map((part) => part.map(({ type, value }) => `${shortNameOf(type)}=${escapeValue(value)}`))
  return parts
    .reverse()
    .map((part) => part.join('+'))
    .join(',')
}

/** X.501 §9.3: a relative name has no type twice. */
function withDistinctTypes(name: DistinguishedName): DistinguishedName {
  for (const part of name) {
    const types = new Set(part.map(({ type }) => type))
    if (part.length === 0 || types.size < part.length) throw new RangeError('A part of a name is empty or ambiguous')
  }
  return name
}

function typeOf(written: string): string {
  const name = written.toUpperCase()
  const type = Object.hasOwn(ATTRIBUTE_TYPES, name) ? ATTRIBUTE_TYPES[name] : undefined
  if (type !== undefined) return type
  if (OBJECT_IDENTIFIER.test(written)) return written
  throw new RangeError('The attribute type is unknown')
}

function shortNameOf(type: string): string {
  return Object.keys(ATTRIBUTE_TYPES).find((name) => ATTRIBUTE_TYPES[name] === type) ?? type
}

function unescapeValue(written: string): string {
  if (ENDS_IN_SPACE.test(written)) throw new RangeError('The value ends in a space')
  const parts = Array.from(written.matchAll(VALUE_PART), ([, hex, escaped, plain]) =>
    hex === undefined ? Buffer.from(escaped ?? plain ?? '') : Buffer.from(hex, 'hex'),
  )
  return utf8.decode(Buffer.concat(parts))
}

function escapeValue(value: string): string {
  const hexOf = (character: string) =>
    `\\${Buffer.from(character)
      .toString('hex')
      .replace(/..(?=.)/g, '$&\\')}`
  return value.replace(ESCAPED, '\\$&').replace(CONTROL, hexOf)
}

function readHexValue(hex: string): string {
  const [value, ...others] = readDerValues(Buffer.from(hex, 'hex'))
  if (value === undefined || others.length > 0) throw new RangeError('The value is not one DER value')
  return readText(value)
}

/** Only string types with one reading: TeletexString, for example, has several. */
function readText(value: DerValue): string {
  const { tag, contents } = value
  if (tag === DER_TAGS.utf8String) return utf8.decode(contents)
  if (tag === DER_TAGS.bmpString) return utf16.decode(contents)
  return readAscii(value, tag === DER_TAGS.printableString ? tag : DER_TAGS.ia5String)
}

/** @throws RangeError if it has another tag, or a character that is not ASCII */
export function readAscii(value: DerValue, tag: number): string {
  const text = derContentsOf(value, tag).toString('latin1')
  if (!IS_ASCII.test(text)) throw new RangeError('The text is not ASCII')
  return text
}
