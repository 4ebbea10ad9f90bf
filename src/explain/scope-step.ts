import { type Access, type AccessRequest, boundAccess } from '../authorization/bound-access.js'
import type { Client } from '../client-auth/client-options.js'
import { parseScope } from '../oauth/scope.js'
import type { Binding } from '../policy/binding.js'
import type { Explainer } from './explanation.js'
import { sideBySide } from './explanation.js'

const MAX_DESCRIBED = 5

/** What bounds the scopes. */
interface Bound {
  of: string
  scopes: ReadonlySet<string>
}

/** @param holding the bindings that hold; undefined: there are none to hold */
export async function takeScope(
  explainer: Explainer,
  request: AccessRequest,
  holding: readonly Binding[] | undefined,
  audiences: ReadonlySet<string>,
): Promise<Access | undefined> {
  const bounds = boundsOf(request, holding)
  const texts = {
    expected: sideBySide(bounds.map(({ of, scopes }) => `of ${of}: ${listOf(scopes)}`)),
    found: describeRequested(request.scope),
    hint: () => hintOfScope(request, bounds),
  }
  return (await explainer.take('scope', texts, () => boundAccess(request, audiences)))?.result
}

export function describeRequested(scope: string | undefined): string {
  return scope === undefined ? 'no scope requested' : `requested: ${scope}`
}

function boundsOf({ client, identityProvider }: AccessRequest, holding: readonly Binding[] | undefined): Bound[] {
  const ofBindings = holding && new Set(holding.flatMap(({ scopes }) => [...scopes]))
  return [
    { of: 'the client', scopes: new Set(client.scopes) },
    ...(identityProvider.scopes === undefined
      ? []
      : [{ of: 'the identity provider', scopes: identityProvider.scopes }]),
    ...(ofBindings === undefined ? [] : [{ of: 'the bindings', scopes: ofBindings }]),
  ]
}

function hintOfScope({ scope, client }: AccessRequest, bounds: readonly Bound[]): string {
  const wanted = wantedOf(scope, client)
  if (wanted === undefined) return 'separate scopes by spaces; there are no quotation marks or backslashes in them'
  const refusing = wanted.map((each) => ({ scope: each, by: bounds.filter(({ scopes }) => !scopes.has(each)) }))
  if (refusing.some(({ by }) => by.length === 0)) return 'they are of several resources: request those of one'
  if (scope?.includes(',')) return 'separate scopes by spaces'
  const first = refusing.slice(0, MAX_DESCRIBED)
  return sideBySide(first.map((each) => `${each.scope}: ${each.by.map(({ of }) => `not of ${of}`).join(', ')}`))
}

function wantedOf(scope: string | undefined, client: Client): readonly string[] | undefined {
  return scope === undefined ? client.scopes : parseScope(scope)
}

function listOf(scopes: ReadonlySet<string>): string {
  return scopes.size === 0 ? 'none' : [...scopes].join(' ')
}
