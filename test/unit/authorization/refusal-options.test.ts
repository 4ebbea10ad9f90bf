import { describe, expect, it } from '@jest/globals'
import { readRefusalOptions } from '../../../src/authorization/refusal-advice.js'
import { OptionReader } from '../../../src/option-checks/option-reader.js'

function problemsOf(options: object) {
  const reader = new OptionReader(options)
  readRefusalOptions(reader)
  return reader.problems()
}

describe('refusals.documentation', () => {
  it.each([
    undefined,
    null,
    '',
    7,
    'docs',
    'http://docs.example.com',
    'ftp://docs.example.com',
    'javascript:alert(1)',
    'https://user@docs.example.com',
    'https://docs.example.com/#part',
    'https://docs.example.com/a b',
    'https://docs.example.com/"',
    'https://docs.example.com/\\',
    'https://docs.example.com/ä',
    'https://docs.example.com/\n',
    'https://docs.example.com/<id>',
  ])('is refused when it is %j', (documentation) => {
    expect(problemsOf({ documentation })).not.toEqual([])
  })

  it.each(['https://docs.example.com', 'https://docs.example.com/a?b=c&d=%20', 'http://localhost:3000/docs'])(
    'may be %s',
    (documentation) => {
      expect(problemsOf({ documentation })).toEqual([])
      expect(readRefusalOptions(new OptionReader({ documentation }))).toEqual({ documentation })
    },
  )

  it('is off by default, and has no other options beside it', () => {
    expect(readRefusalOptions(new OptionReader({}))).toEqual({ documentation: undefined })
    expect(problemsOf({ url: 'https://docs.example.com' })).not.toEqual([])
  })
})
