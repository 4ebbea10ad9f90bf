/** The parameters of a token request. Those without a value are left out (RFC 6749 §3.2). */
export interface TokenRequestParameters {
  /** Of a parameter that cannot be repeated. */
  one(name: string): string | undefined
  /** The values in their order. Only `resource` may have several (RFC 8707 §2). */
  all(name: string): readonly string[]
}
