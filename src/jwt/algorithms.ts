/** The signature algorithms accepted of an identity provider: asymmetric only (RFC 8725 §3.1, RFC 7518 §3.1, RFC 9864). */
export const ASYMMETRIC_ALGORITHMS = [
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'ES512',
  'EdDSA',
  'Ed25519',
] as const
export type AsymmetricAlgorithm = (typeof ASYMMETRIC_ALGORITHMS)[number]

export function isAsymmetricAlgorithm(value: unknown): value is AsymmetricAlgorithm {
  return ASYMMETRIC_ALGORITHMS.some((algorithm) => algorithm === value)
}
