/** The options that speak of scopes, well spelled or not; the others of `passport.authenticate` are Passport's own. */
export function scopeOptions(options: unknown): Readonly<Record<string, unknown>> {
  const entries = typeof options === 'object' && options !== null ? Object.entries(options) : []
  return Object.fromEntries(entries.filter(([name]) => /^scopes?$/i.test(name)))
}
