import { identityProviderName, tokenEndpoint } from '../deployment.js'

/** The one that assertions come from, amid so many others, each with an endpoint of its own. */
export function manyIdentityProviders(others, jwksOrigin) {
  const create = (index) => ({
    name: `https://idp-${index}.example.com/oauth2/default`,
    allowedSubjects: 'any',
    alias: tokenEndpoint,
    jwksUri: `${jwksOrigin}/idp-${index}/jwks`,
  })
  const used = {
    name: identityProviderName,
    allowedSubjects: 'any',
    alias: tokenEndpoint,
    jwksUri: `${jwksOrigin}/jwks`,
  }
  const created = Array.from({ length: others }, (_, index) => create(index))
  return created.toSpliced(Math.floor(others / 2), 0, used)
}
