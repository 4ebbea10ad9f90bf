import type { OptionPath, OptionProblem } from '../option-checks/config-error.js'
import { isPlainObject } from '../option-checks/describe-value.js'

type Table = Readonly<Record<string, unknown>>

/** The members that identify the entries of a list. */
const IDS: Readonly<Record<string, string>> = { identityProviders: 'name', clients: 'clientId' }
/** Tables that name a store by `store` and `url`. */
const HAVE_STORES = ['replay', 'revocation']
/** Members of which an entry has one or another. */
const ALTERNATIVES = ['jwksUri', 'discovery', 'certificates', 'jwks', 'clientSecret', 'clientSecretHash']

/**
 * Options in code that say less than the file does, of the same table or the same entry of a list. They replace it whole, so
 * that what only the file says would be lost in silence: a shared replay store, a bound, who is accepted.
 *
 * @param fromFile the options that the file means, with `store` and `url` of its `[replay]` and `[revocation]`
 */
export function findDroppedOptions(fromFile: Table, inCode: Table): OptionProblem[] {
  return Object.entries(inCode).flatMap(([option, value]) => {
    const ofFile = Object.hasOwn(fromFile, option) ? fromFile[option] : undefined
    if (isPlainObject(value) && isPlainObject(ofFile)) {
      return problemOf(
        [option],
        'table',
        HAVE_STORES.includes(option) ? withoutStoreOfCode(ofFile, value) : ofFile,
        value,
      )
    }
    return findDroppedInList(option, ofFile, value)
  })
}

function findDroppedInList(option: string, ofFile: unknown, inCode: unknown): OptionProblem[] {
  const id = IDS[option]
  if (id === undefined || !Array.isArray(ofFile) || !Array.isArray(inCode)) return []
  const entries = ofFile.filter(isPlainObject)
  return inCode.flatMap((entry: unknown, index) => {
    if (!isPlainObject(entry) || entry[id] === undefined) return []
    const same = entries.find((each) => each[id] === entry[id])
    return same === undefined ? [] : problemOf([option, index], 'entry', without(same, ALTERNATIVES), entry)
  })
}

/** A store in code replaces the store and the URL in the file. `memory` is the default, so it may be left out. */
function withoutStoreOfCode(ofFile: Table, inCode: Table): Table {
  const isNamed = ofFile.store !== undefined && ofFile.store !== 'memory'
  return without(ofFile, Object.hasOwn(inCode, 'store') || !isNamed ? ['store', 'url'] : ['url'])
}

function without(table: Table, names: readonly string[]): Table {
  return Object.fromEntries(Object.entries(table).filter(([name]) => !names.includes(name)))
}

function problemOf(path: OptionPath, what: string, ofFile: Table, inCode: Table): OptionProblem[] {
  const dropped = Object.keys(ofFile).filter((name) => !Object.hasOwn(inCode, name))
  if (dropped.length === 0) return []
  const left = `leaves out ${dropped.map((name) => `\`${name}\``).join(', ')}, which the file sets`
  const text = `${left}; repeat them here, because code replaces the whole ${what}, or set this ${what} in one place only`
  return [{ code: 'conflict', path, table: path, text }]
}
