import type { VerifiedAssertion } from '../assertion/verified-assertion.js'
import type { ReasonCode } from '../errors/reason-codes.js'
import { MAX_MAPPED_BYTES, type MappedClaim, mapClaims } from '../policy/claim-mapping.js'
import type { Claims } from '../policy/claim-path.js'
import type { CheckContext } from '../policy/policy.js'
import type { Explainer } from './explanation.js'
import { sideBySide } from './explanation.js'

/** Bytes as JSON of each mapped claim that has a source, by its name. */
type Sizes = Map<string, number>

/** The claims that the access token gets beside its own. */
export async function takeClaimsToToken(
  explainer: Explainer,
  { identityProvider, payload }: VerifiedAssertion,
  about: CheckContext,
): Promise<Claims | undefined> {
  const { claimMapping } = identityProvider.policy
  if (claimMapping.length === 0) return {}
  const sizes: Sizes = new Map()
  const texts = {
    expected: `at most ${MAX_MAPPED_BYTES} bytes`,
    found: (reason: ReasonCode | undefined) => describeMapped(claimMapping, sizes, reason),
  }
  const measured = claimMapping.map((each) => measuring(each, sizes))
  return (await explainer.takeIfSigned('claimsToToken', texts, () => mapClaims(measured, payload, about)))?.result
}

function measuring({ name, map }: MappedClaim, sizes: Sizes): MappedClaim {
  return {
    name,
    map: async (claims, context) => {
      const value = await map(claims, context)
      if (value !== undefined) sizes.set(name, Buffer.byteLength(JSON.stringify({ [name]: value })) - 2)
      return value
    },
  }
}

function describeMapped(mapping: readonly MappedClaim[], sizes: Sizes, reason: ReasonCode | undefined): string {
  const names = mapping.map(({ name }) => name)
  if (reason === 'claim_mapping_failed') return names.join(', ')
  const mapped = names.filter((name) => sizes.has(name))
  const leftOut = names.filter((name) => !sizes.has(name))
  const commas = sizes.size - 1
  const bytes = [...sizes.values()].reduce((sum, each) => sum + each, '{}'.length + commas)
  const size = reason === 'mapped_claims_too_large' ? [`${bytes} bytes`] : []
  const told = [...(mapped.length === 0 ? ['none'] : mapped), ...size].join(', ')
  return sideBySide(leftOut.length === 0 ? [told] : [told, `left out: ${leftOut.join(', ')}`])
}
