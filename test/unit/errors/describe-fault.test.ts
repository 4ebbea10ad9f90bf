import { describe, expect, it } from '@jest/globals'
import { describeFault } from '../../../src/errors/describe-fault.js'

describe('the description of a fault', () => {
  it.each<[string, unknown, string]>([
    ['an error', new TypeError('a secret'), 'TypeError'],
    ['an error with a code', Object.assign(new Error('a secret'), { code: 'ECONNREFUSED' }), 'Error ECONNREFUSED'],
    ['an answer of Redis', { name: 'ReplyError', message: 'WRONGPASS for user secret' }, 'ReplyError WRONGPASS'],
    ['a text', 'a secret', 'unknown error'],
    ['nothing', undefined, 'unknown error'],
    ['an object without a name', {}, 'unknown error'],
    ['a name that is not a text', { name: Object.create(null), message: 'WRONGPASS secret' }, 'unknown error'],
    ['a name that is a symbol', { name: Symbol('secret') }, 'unknown error'],
    ['a name of several words', { name: 'a secret' }, 'unknown error'],
    ['a name with a line break', { name: 'Error\n' }, 'unknown error'],
    ['a code that is an object', { name: 'Error', code: { toString: () => 'secret' } }, 'Error'],
    ['problems that are not a list', { name: 'ConfigError', problems: 'secret' }, 'ConfigError'],
    ['problems that are nothing', { name: 'ConfigError', problems: [null, 5, { path: 'secret' }] }, 'ConfigError'],
  ])('%s', (_, thrown, described) => {
    expect(describeFault(thrown)).toBe(described)
  })
})
