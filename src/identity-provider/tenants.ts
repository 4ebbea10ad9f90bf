import { metadataUrlOf } from '../jwks/fetch-metadata.js'
import { option } from '../option-checks/config-error.js'
import type { OptionReader } from '../option-checks/option-reader.js'
import { parseClaimPath } from '../policy/claim-path.js'
import { isNamespaced, type SubjectMapping } from '../policy/subject-mapping.js'
import type { IdentityProviderKeys } from './identity-provider-keys.js'
import { TENANT } from './identity-provider-name.js'
import type { RegistrationCondition } from './registration.js'

/** Which tenants of an identity provider are trusted, if its name is a template. */
export type Tenants = ReadonlySet<string> | 'any'

/** The settings of an entry that tenants change. */
interface SettingsOfTenants {
  id: string
  name: string
  registration: RegistrationCondition | undefined
  subject: SubjectMapping
  keys: IdentityProviderKeys | undefined
  tenants: Tenants | undefined
}

type EndpointKeys = Extract<IdentityProviderKeys, { jwksUri: string }>

/** The claim in which a tenant of Microsoft Entra puts its id. */
const CLAIM = 'tid'
/** One segment of a URL that needs no encoding. */
const TENANT_ID = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/

/** undefined without the option, or after noting what is wrong with it. */
export function readTenants(reader: OptionReader): Tenants | undefined {
  if (!reader.has('tenants')) return undefined
  if (reader.value('tenants') === 'any') return 'any'
  const each = 'the id of a tenant: letters, digits, `.`, `_` and `-`'
  if (!Array.isArray(reader.hostObject('tenants'))) {
    reader.problem('tenants', `"any", or an array of strings, each ${each}`, undefined, 'wrong_type')
    return undefined
  }
  const tenants = reader.someStrings('tenants', each, (text) => TENANT_ID.test(text))
  return tenants && new Set(tenants)
}

/** Notes what conflicts with `tenants`. */
export function checkTenants(reader: OptionReader, settings: SettingsOfTenants): void {
  const { tenants, id, keys, subject } = settings
  if (tenants === undefined) return
  const because = `because of ${option('tenants')}`
  if (reader.has('id') && id.split(TENANT).length !== 2) {
    reader.problem('id', `a text with \`${TENANT}\` once, ${because}: each tenant has its own id`)
  }
  if (id.startsWith(TENANT)) reader.problem('id', `a text that does not begin with \`${TENANT}\``)
  if (reader.has('registration')) {
    reader.note(
      'conflict',
      'registration',
      `a tenant is found by its claim \`${CLAIM}\`, ${because}; leave one of them out`,
    )
  }
  if (tenants !== 'any') return
  if (!isNamespaced(subject)) {
    reader.problem(
      'subject',
      `"namespaced", here or at the top level, ${because}: two tenants can assert the same \`sub\``,
    )
  }
  if (keys !== undefined && 'jwksUri' in keys && isOfTenant(keys)) {
    const toDo = `set ${option('jwksUri')}, or ${option('discovery')} to a URL, without \`${TENANT}\``
    const key = reader.has('jwksUri') ? 'jwksUri' : 'discovery'
    reader.note(
      'conflict',
      key,
      `with ${option('tenants', 'any')} the keys of all tenants come from one endpoint; ${toDo}`,
    )
  }
}

/** One entry for each tenant of a list; otherwise the entry itself. */
export function expandTenants<Settings extends SettingsOfTenants>(settings: Settings): Settings[] {
  const { tenants, keys } = settings
  if (tenants === undefined || tenants === 'any') return [settings]
  return [...tenants].map((tenant) => ({
    ...settings,
    ...identityOfTenant(settings, tenant),
    tenants: undefined,
    keys: keys && keysOfTenant(keys, tenant),
  }))
}

/** What distinguishes a tenant from the others. */
export function identityOfTenant({ id, name }: { id: string; name: string }, tenant: string) {
  return { id: id.replace(TENANT, tenant), name: name.replace(TENANT, tenant), registration: conditionOf(tenant) }
}

/** The tenant that this text is of, if it is the template with an id in it. */
export function findTenant(template: string, text: string): string | undefined {
  const [head = '', tail = ''] = template.split(TENANT)
  if (!text.startsWith(head) || !text.endsWith(tail)) return undefined
  const tenant = text.slice(head.length, text.length - tail.length)
  return TENANT_ID.test(tenant) && head + tenant + tail === text ? tenant : undefined
}

/** Whether an entry, or one of its tenants, has this text as its id or name. */
export function isTextOf(
  entry: Pick<SettingsOfTenants, 'id' | 'name' | 'tenants'>,
  key: 'id' | 'name',
  text: string,
): boolean {
  return entry[key] === text || (entry.tenants === 'any' && findTenant(entry[key], text) !== undefined)
}

/** Whether two templates can become the same text, each with some id of a tenant in it. */
export function canBeSame(one: string, other: string): boolean {
  const [head = '', tail = ''] = one.split(TENANT)
  const [otherHead = '', otherTail = ''] = other.split(TENANT)
  const [shortHead, longHead] = head.length < otherHead.length ? [head, otherHead] : [otherHead, head]
  const [shortTail, longTail] = tail.length < otherTail.length ? [tail, otherTail] : [otherTail, tail]
  if (!longHead.startsWith(shortHead) || !longTail.endsWith(shortTail)) return false
  const ofTenant = longHead.slice(shortHead.length) + longTail.slice(0, longTail.length - shortTail.length)
  return /^[A-Za-z0-9._-]*$/.test(ofTenant)
}

/** The claim must be the tenant in `iss`: keys are shared, so only both together show which tenant an assertion is from. */
function conditionOf(tenant: string): RegistrationCondition | undefined {
  const path = parseClaimPath(CLAIM)
  return path && { claim: CLAIM, path, value: tenant }
}

function isOfTenant(keys: EndpointKeys): boolean {
  return keys.jwksUri.includes(TENANT) || keys.jwksUri === (keys.metadataOf && metadataUrlOf(keys.metadataOf))
}

/** Metadata at a URL of all tenants have the template as their `issuer`. */
function keysOfTenant(keys: IdentityProviderKeys, tenant: string): IdentityProviderKeys {
  if (!('jwksUri' in keys) || !isOfTenant(keys)) return keys
  const { jwksUri, metadataOf } = keys
  return { ...keys, jwksUri: jwksUri.replace(TENANT, tenant), metadataOf: metadataOf?.replace(TENANT, tenant) }
}
