import { isScopeToken } from '../oauth/scope.js'
import { isPlainObject } from '../option-checks/describe-value.js'
import type { OptionReader } from '../option-checks/option-reader.js'

/** For each scope: the broader scopes that imply it, directly or by way of others. */
export type ImpliedScopes = ReadonlyMap<string, ReadonlySet<string>>

const SCOPE = 'a scope token (RFC 6749 §3.3)'
const IMPLIED = 'an object with at least one broader scope, and the scopes that it implies'

/** The option `impliedScopes`; undefined: no scope implies another. */
export function readImpliedScopes(reader: OptionReader): ImpliedScopes | undefined {
  if (!reader.isNamed('impliedScopes')) return undefined
  const given = reader.value('impliedScopes')
  if (!isPlainObject(given) || Object.keys(given).length === 0) {
    reader.problem('impliedScopes', IMPLIED, isPlainObject(given) ? 'an empty object' : undefined)
    return undefined
  }
  const scopes = reader.object('impliedScopes')
  const direct = new Map<string, readonly string[]>()
  for (const broader of Object.keys(given)) {
    if (!isScopeToken(broader)) scopes.note('invalid', broader, `the name must be ${SCOPE}`)
    direct.set(broader, scopes.someStrings(broader, SCOPE, isScopeToken) ?? [])
  }
  return invert(direct)
}

function invert(direct: ReadonlyMap<string, readonly string[]>): ImpliedScopes {
  const broaderOf = new Map<string, Set<string>>()
  for (const broader of direct.keys()) {
    for (const narrower of reachableFrom(broader, direct)) {
      broaderOf.set(narrower, (broaderOf.get(narrower) ?? new Set()).add(broader))
    }
  }
  return broaderOf
}

function reachableFrom(broader: string, direct: ReadonlyMap<string, readonly string[]>): ReadonlySet<string> {
  const reached = new Set<string>()
  const next = [broader]
  for (let scope = next.pop(); scope !== undefined; scope = next.pop()) {
    for (const narrower of direct.get(scope) ?? []) {
      if (reached.has(narrower)) continue
      reached.add(narrower)
      next.push(narrower)
    }
  }
  return reached
}

/** Whether these scopes include a scope, or one that implies it. */
export function hasScope(scopes: readonly string[], wanted: string, implied: ImpliedScopes | undefined): boolean {
  if (scopes.includes(wanted)) return true
  const broader = implied?.get(wanted)
  return broader !== undefined && scopes.some((scope) => broader.has(scope))
}
