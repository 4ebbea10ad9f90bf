import { describe, expect, it } from '@jest/globals'
import { OptionReader } from '../../../src/option-checks/option-reader.js'
import { readScopeClaim } from '../../../src/policy/scope-claim.js'

function problemsOf(scopeClaim: unknown) {
  const reader = new OptionReader({ scopeClaim })
  readScopeClaim(reader)
  return reader.problems().map(({ text }) => text)
}

describe('the option scopeClaim', () => {
  it.each<[string, unknown]>([
    ['undefined', undefined],
    ['null', null],
    ['true', true],
    ['an array', ['scope']],
    ['empty', ''],
    ['a pattern', 'sco*'],
    ['a template', '${claims.scope}'],
    ['a path that ends in a dot', 'scope.'],
    ['a path with white space at its end', 'scope '],
    ['a path with white space within', 'realm. scopes'],
    ['a pointer with a line break at its end', '/realm/scopes\n'],
  ])('is refused when it is %s', (_, value) => {
    expect(problemsOf(value)[0]).toMatch(/a claim path without \*|got undefined|got null/)
  })

  it.each(['scope', 'realm.scopes', '/realm/scopes/0', 'https://example.com/scope', '"a.b".c'])('may be %s', (path) => {
    expect(problemsOf(path)).toEqual([])
  })

  it('caps nothing when it is left out', () => {
    expect(readScopeClaim(new OptionReader({}))).toBeUndefined()
  })
})
