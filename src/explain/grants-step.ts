import { requireBindings } from '../authorization/bound-access.js'
import { printable } from '../errors/printable.js'
import { type Binding, findUnmet } from '../policy/binding.js'
import type { ClaimCondition } from '../policy/claim-condition.js'
import type { Claims } from '../policy/claim-path.js'
import { shown } from './assertion-steps.js'
import { claimAt, hintOfClaim, hintOfGroups } from './claim-hints.js'
import type { Explainer } from './explanation.js'
import { sideBySide } from './explanation.js'

/** Bindings: more would not be shown, and each may tell of a long claim. */
const MAX_DESCRIBED = 5

/** A binding, and why it does not hold; undefined: it holds. */
interface Judged {
  binding: Binding
  unmet: 'client' | ClaimCondition | undefined
}

/** Whether a binding holds, where there are some. */
export async function takeGrants(
  explainer: Explainer,
  bindings: readonly Binding[],
  claims: Claims,
  clientId: string,
): Promise<readonly Binding[] | undefined> {
  const judged = bindings
    .slice(0, MAX_DESCRIBED)
    .map((binding) => ({ binding, unmet: findUnmet(binding, claims, clientId) }))
  const texts = {
    expected: expectedOf(judged),
    found: sideBySide(judged.map((each) => describeFound(each, claims))),
    hint: () => hintOf(judged, claims),
  }
  return (await explainer.take('bindings', texts, () => requireBindings(bindings, claims, clientId)))?.result
}

function expectedOf(judged: readonly Judged[]): string {
  const wanted = judged.flatMap(({ binding: { name }, unmet }) => {
    if (unmet === undefined) return []
    return unmet === 'client' ? `${name}: another client` : `${name}: ${unmet.path}, wanted: ${unmet.expected}`
  })
  const all = 'at least one of bindings holds'
  return wanted.length === 0 ? all : sideBySide(wanted, `${all}: `)
}

function describeFound({ binding: { name }, unmet }: Judged, claims: Claims): string {
  if (unmet === undefined) return `${name} holds`
  if (unmet === 'client') return `${name}: not for this client`
  const { path, message } = unmet
  const told = message === undefined ? '' : ` (${message})`
  return `${name}: ${path} is ${printable(shown(claimAt(path, claims)))}${told}`
}

/** Of the first binding of which something can be said. */
function hintOf(judged: readonly Judged[], claims: Claims): string | undefined {
  for (const { binding, unmet } of judged) {
    if (unmet === undefined || unmet === 'client') continue
    const hint = binding.isOfGroup ? hintOfGroups(unmet, claims) : hintOfClaim(unmet, claims, 'when')
    if (hint !== undefined) return `${binding.name}: ${hint}`
  }
  return undefined
}
