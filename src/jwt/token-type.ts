/** A `typ` without case and without the `application/` that may be left out (RFC 7515 §4.1.9). */
export function normaliseType(typ: string): string {
  return typ.toLowerCase().replace(/^application\//, '')
}
