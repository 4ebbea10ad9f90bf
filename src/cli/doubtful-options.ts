import type { Client } from '../client-auth/client-options.js'
import type { CheckedFile } from '../config/load-config.js'
import type {
  IdentityProviderOptions,
  IdentityProviderSettings,
} from '../identity-provider/identity-provider-options.js'
import { isPlainObject } from '../option-checks/describe-value.js'
import type { ClaimConditionOption } from '../policy/claim-condition.js'
import type { ClaimOperators } from '../policy/claim-operators.js'
import { parseClaimPath } from '../policy/claim-path.js'

/** Claims that hold scopes: words in one string, or an array. */
const SCOPE_CLAIMS = ['scp', 'scope', 'scopes']
/** A pattern for a text anywhere within another one. */
const WITHIN = /^\*[^*]+\*$/
const AT_ONE_END = /^(?:\*[^*]+|[^*]+\*)$/

/** Options that are valid but obtain nothing, or accept more than they seem to: most likely something else was meant. */
export function findDoubtful({ options, settings }: CheckedFile): string[] {
  const { clients, identityProviders, tokenEndpoint } = settings
  const scopesOfClients = new Set(clients.flatMap(({ scopes }) => scopes))
  return [
    ...doubtsOfTokenEndpoint(tokenEndpoint),
    ...clients.flatMap(doubtsOfClient),
    ...clients.flatMap((each) => doubtsOfAssertedClient(each, identityProviders)),
    ...identityProviders.flatMap((each) => doubtsOfProvider(each, scopesOfClients)),
    ...(options.identityProviders ?? []).flatMap(doubtsOfGroups),
    ...(options.identityProviders ?? []).flatMap(doubtsOfConditions),
  ]
}

function doubtsOfTokenEndpoint(tokenEndpoint: string): string[] {
  const { pathname } = new URL(tokenEndpoint)
  if (/\/token\/?$/i.test(pathname)) return []
  return [`token_endpoint ends in ${pathname}, but the router serves /token: a proxy must rewrite the path`]
}

function doubtsOfClient({ clientId, identityProviders, grantTypes }: Client): string[] {
  return [
    ...(identityProviders?.size === 0
      ? [`client ${clientId}: identity_providers is empty, so this client may exchange nothing`]
      : []),
    ...(grantTypes?.size === 0
      ? [`client ${clientId}: grant_types is empty, so this client may exchange nothing`]
      : []),
  ]
}

/** Whoever `allowedSubjects` refuses is not a client either. */
function doubtsOfAssertedClient(
  { clientId, credential }: Client,
  identityProviders: readonly IdentityProviderSettings[],
): string[] {
  if (credential?.kind !== 'identity_provider') return []
  const { identityProvider, subject } = credential.assertedBy
  const provider = identityProviders.find(({ id }) => id === identityProvider)
  if (provider?.policy.acceptsSubject?.(subject) !== false) return []
  const place = `client ${clientId}: allowed_subjects of ${identityProvider}`
  return [`${place} do not accept ${JSON.stringify(subject)}, so this client can never authenticate`]
}

function doubtsOfProvider(
  { id, scopes, policy }: IdentityProviderSettings,
  scopesOfClients: ReadonlySet<string>,
): string[] {
  return policy.bindings.flatMap((binding) =>
    [...binding.scopes].flatMap((scope) => {
      const place = `${id}: binding ${binding.name}: scope ${scope}`
      return [
        ...(scopes?.has(scope) === false ? [`${place} is not in the scopes of the identity provider`] : []),
        ...(scopesOfClients.has(scope) ? [] : [`${place} is not in the scopes of any client`]),
      ]
    }),
  )
}

function doubtsOfGroups({ name, id = name, groupsToScopes = {} }: IdentityProviderOptions): string[] {
  const patterns = Object.keys(groupsToScopes).filter((group) => group.includes('*'))
  return patterns.map((group) => `${id}: group ${group} is compared exactly: * is not a pattern in it`)
}

function doubtsOfConditions({
  name,
  id = name,
  requiredClaims = {},
  bindings = [],
}: IdentityProviderOptions): string[] {
  const ofBindings = bindings.flatMap((each) => doubtsOfTable(`${id}: binding ${each.name}`, each.when ?? {}))
  return [...doubtsOfTable(id, requiredClaims), ...ofBindings]
}

function doubtsOfTable(place: string, conditions: Readonly<Record<string, ClaimConditionOption>>): string[] {
  return Object.entries(conditions).flatMap(([path, condition]) => {
    const claim = `${place}: claim ${path}`
    const patterns = isOfScopes(path) ? patternsOf(condition) : []
    const words = isPlainObject(condition) ? textsOf((condition as ClaimOperators).hasWord) : []
    const starred = words.filter((word) => word.includes('*'))
    return [
      ...patterns.map((pattern) => `${claim}: ${describePattern(pattern)}`),
      ...starred.map((word) => `${claim}: has_word ${word} is compared exactly: * is not a pattern in it`),
    ]
  })
}

/** Whether a claim is a list of scopes in one string, or an array of scopes. */
function isOfScopes(path: string): boolean {
  return SCOPE_CLAIMS.includes(parseClaimPath(path)?.segments.at(-1) ?? '')
}

/** The patterns that are compared with a whole list of scopes, and those that match within one scope. */
function patternsOf(condition: ClaimConditionOption): string[] {
  if (!isPlainObject(condition)) return textsOf(condition).filter((text) => WITHIN.test(text) || AT_ONE_END.test(text))
  const { oneOf = [], includes } = condition as ClaimOperators
  return [...patternsOf(oneOf), ...textsOf(includes).filter((text) => WITHIN.test(text))]
}

function describePattern(pattern: string): string {
  const word = pattern.replaceAll('*', '').trim()
  const better = `use { has_word = ${JSON.stringify(word)} }, or includes without * if the claim is an array`
  return `${pattern} accepts more than the scope ${word}, such as ${word}x; ${better}`
}

function textsOf(option: unknown): string[] {
  return [option].flat().filter((each) => typeof each === 'string')
}
