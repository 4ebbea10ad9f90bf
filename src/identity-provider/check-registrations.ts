import { isDeepStrictEqual } from 'node:util'
import { option } from '../option-checks/config-error.js'
import type { OptionReader } from '../option-checks/option-reader.js'
import { KEY_OPTIONS } from './identity-provider-keys.js'
import { isSameClaim, type RegistrationScope } from './registration.js'
import { canBeSame, findTenant, isTextOf, type Tenants } from './tenants.js'

/** An entry of `identityProviders`. */
interface Entry extends RegistrationScope {
  reader: OptionReader
  /** Its place in the list, from 1 on, for messages. */
  place: number
  id: string
  tenants: Tenants | undefined
}

/** Notes problems that would let an assertion match two entries, or make two entries look like one. */
export function checkRegistrations(
  readers: readonly OptionReader[],
  registrations: readonly (RegistrationScope & Pick<Entry, 'id' | 'tenants'>)[],
): void {
  const entries = registrations.flatMap(({ id, name, registration, tenants }, index): Entry[] => {
    const reader = readers[index]
    return reader === undefined ? [] : [{ reader, place: index + 1, id, name, registration, tenants }]
  })
  refuseSharedIds(entries)
  refuseIdsOfTenants(entries)
  const byName = new Map<string, Entry[]>()
  for (const each of entries) byName.set(each.name, [...(byName.get(each.name) ?? []), each])
  byName.delete('') // Each of these is a problem already.
  for (const group of byName.values()) if (group.length > 1) checkGroup(group)
}

/** If the id of one entry is the name of another, events and access tokens could not distinguish the two. */
function refuseSharedIds(entries: readonly Entry[]): void {
  const namesakes = new Map<string, number>()
  for (const { name } of entries) namesakes.set(name, (namesakes.get(name) ?? 0) + 1)
  const ids = new Set<string>()
  for (const { reader, id, name } of entries) {
    if (id === '' || !reader.has('id')) continue
    const isNameOfAnother = (namesakes.get(id) ?? 0) > (id === name ? 1 : 0)
    if (isNameOfAnother || ids.has(id)) {
      reader.note('not_unique', 'id', 'another entry has this `id` or `name`; choose another one')
    }
    ids.add(id)
  }
}

/** With the id of a tenant, another entry would have its subjects. An entry with the name of the tenant stands for it. */
function refuseIdsOfTenants(entries: readonly Entry[]): void {
  for (const ofTenants of entries.filter(({ tenants }) => tenants === 'any')) {
    for (const each of entries) {
      if (each === ofTenants || each.id === '' || !canHaveIdOfTenant(each, ofTenants)) continue
      const { reader } = each.reader.has('id') ? each : ofTenants
      reader.note('not_unique', 'id', 'a tenant of another entry can have this `id` or `name`; choose another one')
    }
  }
}

function canHaveIdOfTenant({ id, name, tenants }: Entry, ofTenants: Entry): boolean {
  if (tenants === 'any') return id !== ofTenants.id && canBeSame(id, ofTenants.id)
  const tenant = findTenant(ofTenants.name, name)
  if (tenant !== undefined && findTenant(ofTenants.id, id) === tenant) return false
  return isTextOf(ofTenants, 'id', id) || (id !== name && isTextOf(ofTenants, 'name', id))
}

/** Entries with one name. */
function checkGroup(group: readonly Entry[]): void {
  const [first, ...others] = group
  if (!group.some(({ reader }) => reader.has('id') || reader.has('registration'))) {
    const slip = `entry ${first?.place} has the same \`name\`; choose another one`
    for (const { reader } of others)
      reader.note('not_unique', 'name', `${slip}, or give each an \`id\` and a \`registration\``)
    return
  }
  for (const { reader } of group) {
    for (const key of ['id', 'registration']) {
      if (!reader.has(key)) reader.missing(key, [key], `missing; each of several entries with one \`name\` needs it`)
    }
  }
  refuseSharedAssertions(group)
  refuseOtherKeys(group)
}

function refuseSharedAssertions(group: readonly Entry[]): void {
  const [first, ...others] = group.filter(({ registration }) => registration !== undefined)
  if (first?.registration === undefined) return
  const places = new Map([[first.registration.value, first.place]])
  for (const { reader, place, registration } of others) {
    if (registration === undefined) continue
    const own = reader.object('registration')
    if (!isSameClaim(first.registration, registration)) {
      const slip = `entry ${first.place} with this \`name\` has another claim`
      own.note('conflict', 'claim', `${slip}, so one assertion could match both; use the same claim`)
      continue
    }
    const before = places.get(registration.value)
    if (before === undefined) places.set(registration.value, place)
    else own.note('not_unique', 'value', `entry ${before} has the same value; choose another one`)
  }
}

/** Keys belong to an issuer: with other keys, one of its entries is most likely out of date, or of another environment. */
function refuseOtherKeys(group: readonly Entry[]): void {
  const [first, ...others] = group.filter(({ reader }) => KEY_OPTIONS.some((key) => reader.has(key)))
  if (first === undefined) return
  for (const { reader } of others) {
    const other = KEY_OPTIONS.find((key) => !isDeepStrictEqual(reader.value(key), first.reader.value(key)))
    if (other === undefined) continue
    const names = KEY_OPTIONS.map((name) => option(name)).join(', ')
    const slip = `entry ${first.place} with this \`name\` has other keys, but keys belong to the issuer`
    reader.note('conflict', reader.has(other) ? other : undefined, `${slip}; give both the same ${names}`)
  }
}
