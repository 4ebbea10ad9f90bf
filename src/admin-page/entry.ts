/**
 * An entry of `identityProviders` as JSON, with what people call it. It is kept as the API has it, so that an option that no field
 * shows stays as it is.
 */
export type Entry = Readonly<Record<string, unknown>>

/** Members that say what the entry is, and are not options of `identityProviders`. */
export const DESCRIBING_MEMBERS = ['displayName', 'description']
/** Members that the store itself writes. */
const WRITTEN_BY_STORE = ['revision', 'updatedAt', 'keysRefreshedAt']

/** @param value undefined removes the option */
export function withOption(entry: Entry, name: string, value: unknown): Entry {
  const { [name]: _, ...others } = entry
  return value === undefined ? others : { ...entry, [name]: value }
}

/** The text of an option; empty if it is absent or something else. */
export function textOf(value: unknown): string {
  return typeof value === 'string' ? value : ''
}

/** The strings of a list; none if it is absent or something else. */
export function textsOf(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.filter((member) => typeof member === 'string') : []
}

export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** The members of an object; none if it is absent or something else. */
export function membersOf(value: unknown): [string, unknown][] {
  return isRecord(value) ? Object.entries(value) : []
}

/** What a person has written, of what the store has. */
export function writtenPart(registration: Entry): Entry {
  return Object.fromEntries(Object.entries(registration).filter(([name]) => !WRITTEN_BY_STORE.includes(name)))
}

/** What people call it. */
export function titleOf({ displayName, name, id }: { displayName?: unknown; name?: unknown; id?: unknown }): string {
  return textOf(displayName) || textOf(name) || textOf(id)
}

/** An option that is different in two versions of an entry. */
export interface Difference {
  option: string
  /** undefined: absent. */
  mine: unknown
  theirs: unknown
}

/** The options that are different in two versions, in the order in which they come. */
export function differencesOf(mine: Entry, theirs: Entry): Difference[] {
  const options = new Set([...Object.keys(mine), ...Object.keys(theirs)])
  return [...options]
    .map((option) => ({ option, mine: mine[option], theirs: theirs[option] }))
    .filter((each) => canonical(each.mine) !== canonical(each.theirs))
}

/** What somebody changed since `base`, on top of another version. */
export function withChangesOf(mine: Entry, base: Entry, theirs: Entry): Entry {
  const changed = differencesOf(mine, base)
  return changed.reduce((entry, { option, mine: value }) => withOption(entry, option, value), theirs)
}

/** The same text for the same JSON, in any order of its members. */
function canonical(value: unknown): string {
  return (
    JSON.stringify(value, (_, member: unknown) => {
      return isRecord(member)
        ? Object.fromEntries(Object.entries(member).sort(([one], [other]) => (one < other ? -1 : 1)))
        : member
    }) ?? ''
  )
}
