import { hasField } from '../errors/field-of.js'

/** The options that speak of scopes, well spelled or not; the others of `passport.authenticate` are Passport's own. */
export function scopeOptions(options: unknown): Readonly<Record<string, unknown>> {
  const found: Record<string, unknown> = {}
  if (typeof options !== 'object' || options === null) return found
  // With the inherited ones, such a scope is meant as well; but not with those of every object.
  for (const name in options) {
    if (/scop/i.test(name) && hasField(options, name)) found[name] = Reflect.get(options, name)
  }
  return found
}
