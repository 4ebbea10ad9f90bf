/**
 * A field of whatever was thrown, undefined where it has none. Errors are told apart by `name` or `code` and never by
 * `instanceof`: an error of another realm is an instance of nothing here.
 */
export function fieldOf(thrown: unknown, field: string): unknown {
  return typeof thrown === 'object' && thrown !== null ? Reflect.get(thrown, field) : undefined
}
