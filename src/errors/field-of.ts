/**
 * A field of whatever was thrown; undefined if it has none, or none that can be read: what a host throws may be anything.
 * Errors are told apart by `name` or `code` and never by `instanceof`: an error of another realm is an instance of nothing
 * here.
 */
export function fieldOf(thrown: unknown, field: string): unknown {
  if (typeof thrown !== 'object' || thrown === null) return undefined
  try {
    return Reflect.get(thrown, field)
  } catch {
    return undefined
  }
}
