/** Types that mean something else than an assertion (RFC 8725 §3.11): allowing one would invite substitution. */
const FOREIGN_TYPES: ReadonlySet<string> = new Set([
  // Access tokens, and what is said of them (RFC 9068, RFC 9701, draft-ietf-oauth-transaction-tokens)
  ...['at+jwt', 'token-introspection+jwt', 'txntoken+jwt', 'txn_token'],
  // Events (RFC 8417, OpenID Connect Back-Channel Logout)
  ...['secevent+jwt', 'logout+jwt'],
  // Proofs, and tokens that are good with a proof only (RFC 9449, RFC 9901, WIMSE, OpenID4VCI, RFC 9635)
  ...['dpop+jwt', 'kb+jwt', 'wit+jwt', 'wpt+jwt', 'wimse-id+jwt', 'openid4vci-proof+jwt', 'key-attestation+jwt'],
  ...['keyattestation+jwt', 'gnap-binding-jws', 'gnap-binding-jwsd', 'gnap-binding-rotation-jws'],
  'gnap-binding-rotation-jwsd',
  // Requests, and the authentication of clients (RFC 9101, RFC 7523bis, draft-ietf-oauth-attestation-based-client-auth)
  ...['oauth-authz-req+jwt', 'client-authentication+jwt', 'oauth-client-attestation+jwt', 'wallet-attestation+jwt'],
  'oauth-client-attestation-pop+jwt',
  // A grant of one client, which another one must not redeem (draft-ietf-oauth-identity-assertion-authz-grant)
  'oauth-id-jag+jwt',
  // Credentials and their status (W3C VC-JOSE-COSE, draft-ietf-oauth-status-list)
  ...['vc+jwt', 'vp+jwt', 'vc-ld+jwt', 'vp-ld+jwt', 'vc+ld+jwt', 'vp+ld+jwt', 'statuslist+jwt', 'provided-claims+jwt'],
  // Statements of federations (OpenID Federation)
  ...['entity-statement+jwt', 'trust-mark+jwt', 'trust-mark-delegation+jwt', 'trust-mark-status-response+jwt'],
  ...['resolve-response+jwt', 'explicit-registration-response+jwt', 'jwk-set+jwt'],
  // Calls and devices (RFC 8225, RFC 9711)
  ...['passport', 'eat+jwt'],
])
/** Credentials with disclosures: `dc+sd-jwt`, `vc+sd-jwt` and others (RFC 9901). */
const SELECTIVE_DISCLOSURE = /(?:^|\+)sd-jwt$/

/** A `typ` without case and without the `application/` that may be left out (RFC 7515 §4.1.9). */
export function normaliseType(typ: string): string {
  return typ.toLowerCase().replace(/^application\//, '')
}

/** Whether a `typ` means something else than an assertion. */
export function isForeignType(typ: string): boolean {
  const type = normaliseType(typ)
  return FOREIGN_TYPES.has(type) || SELECTIVE_DISCLOSURE.test(type)
}
