import type { IdentityProviderOptions } from '../identity-provider/identity-provider-options.js'
import type { BindingOptions } from '../policy/binding-options.js'

/** Tables of claims by their paths; what follows them in a file stands in them, too. */
export type TableOfClaims = 'requiredClaims' | 'when'

type NamesOf<Options> = Readonly<Record<keyof Options, true>>

const OF_IDENTITY_PROVIDER: NamesOf<IdentityProviderOptions> = {
  name: true,
  alias: true,
  jwksUri: true,
  discovery: true,
  certificates: true,
  jwks: true,
  x5cOnlyKeys: true,
  keyUses: true,
  enabled: true,
  scopes: true,
  lifetime: true,
  maxBeyondAssertion: true,
  subject: true,
  audiences: true,
  types: true,
  clockTolerance: true,
  maxAge: true,
  requireIat: true,
  maxLifetime: true,
  maxBytes: true,
  replay: true,
  algorithms: true,
  allowedSubjects: true,
  requiredClaims: true,
  check: true,
  bindings: true,
  groupsToScopes: true,
  groupsClaim: true,
  singleAsArray: true,
  claimsToToken: true,
  ca: true,
  headers: true,
  proxy: true,
  agent: true,
  lookup: true,
  network: true,
  allowInsecureHttp: true,
}
const OF_BINDING: NamesOf<BindingOptions> = {
  name: true,
  when: true,
  clients: true,
  scopes: true,
  resources: true,
  lifetime: true,
}
const OPTIONS_BESIDE: Readonly<Record<TableOfClaims, object>> = {
  requiredClaims: OF_IDENTITY_PROVIDER,
  when: OF_BINDING,
}

/** Whether a path is the name of an option beside the table, in code or in a file. */
export function isOptionBeside(path: string, table: TableOfClaims): boolean {
  const option = path.replace(/_([a-z])/g, (_, next: string) => next.toUpperCase())
  return Object.hasOwn(OPTIONS_BESIDE[table], option)
}
