/** RFC 6749 §3.3: scope-token = 1*( %x21 / %x23-5B / %x5D-7E ). */
const SCOPE_TOKEN = /^[\x21\x23-\x5B\x5D-\x7E]+$/

export function isScopeToken(value: unknown): value is string {
  return typeof value === 'string' && SCOPE_TOKEN.test(value)
}

/** The scope tokens of a `scope` parameter, each once, in their order; undefined where one is malformed or there is none. */
export function parseScope(scope: string): string[] | undefined {
  const tokens = scope.split(' ').filter((token) => token !== '')
  return tokens.length > 0 && tokens.every(isScopeToken) ? [...new Set(tokens)] : undefined
}
