import type { Resources } from '../access-token/resources.js'
import { MAX_DESCRIBED } from '../authorization/bound-access.js'
import { audiencesOf, type TargetRequest } from '../authorization/targets.js'
import { isResource } from '../oauth/resource.js'
import type { Binding } from '../policy/binding.js'
import type { StepTexts } from './explanation.js'
import { sideBySide } from './wording.js'

/** undefined: nothing bounds the resources, and none was requested. */
export function describeResource(
  { client, resources: requested }: TargetRequest,
  bindings: readonly Binding[] | undefined,
  known: Resources,
): StepTexts | undefined {
  if (!known.isConfigured && requested.length === 0 && client.resources === undefined) return undefined
  const ofClient = audiencesOf(client, known)
  const grantable = [...ofClient].filter((audience) => isGiven(audience, bindings))
  return {
    expected: grantable.length === 0 ? 'none can be granted' : listOf(grantable, 'one of '),
    found: requested.length === 0 ? describeDefault(known) : listOf(requested, 'requested: '),
    hint: () => hintOfResource(requested, ofClient, grantable, known),
  }
}

function isGiven(audience: string, bindings: readonly Binding[] | undefined): boolean {
  return bindings === undefined || bindings.some(({ resources }) => resources?.has(audience) !== false)
}

function describeDefault({ defaults }: Resources): string {
  return defaults.size === 0 ? 'no resource requested, and no default' : listOf([...defaults], 'by default: ')
}

function hintOfResource(
  requested: readonly string[],
  ofClient: ReadonlySet<string>,
  grantable: readonly string[],
  known: Resources,
): string {
  if (requested.length === 0 && known.defaults.size === 0) return 'request a resource: there is no default'
  const wanted = requested.length === 0 ? [...known.defaults] : requested
  const refused = wanted.find((each) => !grantable.includes(known.find(each)?.identifier ?? '')) ?? ''
  if (!isResource(refused) && requested.length > 0) return 'a resource is an absolute URI without fragment'
  const identifier = known.find(refused)?.identifier
  if (identifier === undefined) return 'no resource has this identifier: only scheme and host may differ in case'
  return ofClient.has(identifier)
    ? 'no matching binding gives it: add it to resources of a binding'
    : 'it is not one of the resources of the client'
}

/** The first of them. */
function listOf(resources: readonly string[], beginning: string): string {
  const listed = resources.slice(0, MAX_DESCRIBED)
  const others = resources.length - listed.length
  return sideBySide(others === 0 ? listed : [...listed, `and ${others} more`], beginning)
}
