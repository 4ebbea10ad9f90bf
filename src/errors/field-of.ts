/**
 * A field of a thrown value, or of an object of the host; undefined if the field is missing or cannot be read. Hosts may throw
 * anything. Errors are recognised by `name` or `code`, never by `instanceof`, which fails for errors of another realm. Additions
 * to `Object.prototype` do not count as fields.
 */
export function fieldOf(thrown: unknown, field: string): unknown {
  try {
    return hasField(thrown, field) ? Reflect.get(thrown, field) : undefined
  } catch {
    return undefined
  }
}

/** Whether an object, or its class, has a field. A field of `Object.prototype`, of any realm, does not count. */
export function hasField(value: unknown, field: string): value is object {
  if (typeof value !== 'object' || value === null) return false
  let owner: object | null = value
  while (owner !== null && !Object.hasOwn(owner, field)) owner = Object.getPrototypeOf(owner)
  return owner !== null && (owner === value || Object.getPrototypeOf(owner) !== null)
}
