import { describe, expect, it } from '@jest/globals'
import { fieldOf } from '../../../src/errors/field-of.js'
import { isDependencyUnavailable, isTokenRejected } from '../../../src/errors/rejections.js'
import { OAuthError } from '../../../src/oauth/errors.js'
import { toRefusal } from '../../../src/oauth/refusal.js'

const unreadable = () =>
  new Proxy(new Error('unreadable'), {
    get() {
      throw new Error('a getter of the host')
    },
  })
const withGetter = () =>
  Object.defineProperty({}, 'message', {
    get() {
      throw new Error('a getter of the host')
    },
  })

describe('a field of a thrown value', () => {
  it.each<[string, unknown, unknown]>([
    ['an error', new Error('text'), 'text'],
    ['an object', { message: 5 }, 5],
    ['an object without it', {}, undefined],
    ['null', null, undefined],
    ['a text', 'text', undefined],
    ['nothing', undefined, undefined],
    ['an error whose fields throw', unreadable(), undefined],
    ['an object with a getter that throws', withGetter(), undefined],
  ])('of %s', (_, thrown, field) => {
    expect(fieldOf(thrown, 'message')).toBe(field)
  })

  it.each([unreadable, withGetter])('that throws makes it neither a rejection nor an outage: %#', (make) => {
    expect([isTokenRejected(make()), isDependencyUnavailable(make())]).toEqual([false, false])
  })

  it.each([unreadable, withGetter])('that throws is answered with 503: %#', (make) => {
    const { answer, event } = toRefusal(make(), () => new OAuthError('invalid_grant', 'The assertion is not valid'))
    expect([answer.status, event.reason]).toEqual([503, 'internal_error'])
  })
})
