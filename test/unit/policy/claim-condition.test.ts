import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { isConfigError } from '../../../src/option-checks/config-error.js'
import { OptionReader } from '../../../src/option-checks/option-reader.js'
import { type ClaimConditionOption, findFailing, readClaimConditions } from '../../../src/policy/claim-condition.js'
import type { ClaimOperators } from '../../../src/policy/claim-operators.js'
import type { Claims } from '../../../src/policy/claim-path.js'
import { matchesObviously, shareOfCases, TIMEOUT } from './cases.js'

const QUESTION = '. Is the environment variable set?'

/** The conditions of `claims`, and the lines of the ConfigError that reading them ends with; none where all is right. */
function read(claims: unknown, singleAsArray = false) {
  const reader = new OptionReader({ claims })
  const conditions = readClaimConditions(reader, 'claims', { singleAsArray })
  reader.refuseUnknown()
  try {
    reader.throwProblems()
    return { conditions, problems: [] }
  } catch (error) {
    if (!isConfigError(error)) throw error
    return { conditions, problems: error.message.replaceAll(QUESTION, '').split('\n  ').slice(1) }
  }
}

function conditionsOf(options: Record<string, ClaimConditionOption>, singleAsArray = false) {
  const { conditions, problems } = read(options, singleAsArray)
  expect(problems).toEqual([])
  return conditions
}

/** Whether a claim, undefined for a missing one, satisfies an option; the claim `other` stands beside it. */
function isSatisfied(option: ClaimConditionOption, claim: unknown, other?: unknown, singleAsArray = false): boolean {
  const claims = { ...(claim !== undefined && { claim }), ...(other !== undefined && { other }) }
  return conditionsOf({ claim: option }, singleAsArray).every((condition) => condition.holds(claims))
}

const SCALAR = 'a string of at most 1024 characters, a number from -(2^53 - 1) to 2^53 - 1, true or false'
const WORD = 'one word without spaces, of at most 1024 characters, or an array of such words'
const ANY = `${SCALAR}, an array of these, or an object with operators`

describe('the conditions of a rule', () => {
  it.each([
    ['undefined', undefined, 'undefined'],
    ['null', null, 'null'],
    ['a string', 'sub', '"sub"'],
    ['an array', ['sub'], 'an array'],
    ['a Map', new Map([['sub', 'x']]), 'an object'],
    ['an empty object', {}, 'an empty object'],
  ])('cannot be %s', (_, claims, found) => {
    const wanted = 'an object with at least one claim path and its condition'
    expect(read(claims).problems).toEqual([`claims: got ${found}; expected ${wanted}`])
  })

  it.each([
    ['undefined, as a variable that is not set', undefined, 'undefined'],
    ['null', null, 'null'],
    ['a number that is none', Number.NaN, 'NaN'],
    ['an infinite number', Number.POSITIVE_INFINITY, 'Infinity'],
    ['a number that is not exact', 2 ** 53, '9007199254740992'],
    ['a function', () => true, 'a function'],
    ['a regular expression', /a/, 'an object'],
    ['a date', new Date(0), 'an object'],
    ['a string that is too long', 'a'.repeat(1025), `"${'a'.repeat(80)}…"`],
  ])('cannot demand %s', (_, option, found) => {
    expect(read({ sub: option }).problems).toEqual([`claims.sub: got ${found}; expected ${ANY}`])
  })

  it.each([
    [[], 'got an empty array; expected an array of at least one value'],
    [['a', null], `got null at [1]; expected each value to be ${SCALAR}`],
    [['a', undefined], `got undefined at [1]; expected each value to be ${SCALAR}`],
    [Array(2), `got undefined at [0]; expected each value to be ${SCALAR}`],
    [[['a']], `got an array at [0]; expected each value to be ${SCALAR}`],
    [[{}], `got an object at [0]; expected each value to be ${SCALAR}`],
    [[1 / 0], `got Infinity at [0]; expected each value to be ${SCALAR}`],
    [['a'.repeat(1025)], `got a string of 1025 characters at [0]; expected each value to be ${SCALAR}`],
  ])('cannot demand one of %j', (option, problem) => {
    expect(read({ sub: option }).problems).toEqual([`claims.sub: ${problem}`])
    expect(read({ sub: { oneOf: option } }).problems).toEqual([`claims.sub.oneOf: ${problem}`])
    expect(read({ sub: { includes: option } }).problems).toEqual([`claims.sub.includes: ${problem}`])
  })

  it.each([
    [{ equals: undefined }, `equals: got undefined; expected ${SCALAR}`],
    [{ exists: true, equals: undefined }, `equals: got undefined; expected ${SCALAR}`],
    [{ equals: null }, `equals: got null; expected ${SCALAR}`],
    [{ equals: ['a'] }, `equals: got an array; expected ${SCALAR}`],
    [{ equals: 2 ** 53 }, `equals: got 9007199254740992; expected ${SCALAR}`],
    [{ oneOf: 'a' }, 'oneOf: got "a"; expected an array of at least one value'],
    [{ oneOf: undefined }, 'oneOf: got undefined; expected an array of at least one value'],
    [{ includes: null }, 'includes: got null; expected an array of at least one value'],
    [{ includes: {} }, 'includes: got an object; expected an array of at least one value'],
    [{ hasWord: undefined }, `hasWord: got undefined; expected ${WORD}`],
    [{ hasWord: null }, `hasWord: got null; expected ${WORD}`],
    [{ hasWord: '' }, `hasWord: got ""; expected ${WORD}`],
    [{ hasWord: 5 }, `hasWord: got 5; expected ${WORD}`],
    [{ hasWord: 'a b' }, `hasWord: got "a b"; expected ${WORD}`],
    [{ hasWord: 'a\n' }, `hasWord: got "a\\n"; expected ${WORD}`],
    [{ hasWord: 'a'.repeat(1025) }, `hasWord: got "${'a'.repeat(80)}…"; expected ${WORD}`],
    [{ hasWord: {} }, `hasWord: got an object; expected ${WORD}`],
    [{ hasWord: [] }, `hasWord: got an empty array; expected ${WORD}`],
    [{ hasWord: ['a', 'b c'] }, `hasWord: got a string of 3 characters at [1]; expected ${WORD}`],
    [{ hasWord: ['a', undefined] }, `hasWord: got undefined at [1]; expected ${WORD}`],
    [{ hasWord: Array(1) }, `hasWord: got undefined at [0]; expected ${WORD}`],
    [{ hasWord: [['a']] }, `hasWord: got an array at [0]; expected ${WORD}`],
    [{ exists: 'true' }, 'exists: got "true"; expected true or false'],
    [{ exists: 1 }, 'exists: got 1; expected true or false'],
    [
      { equalsClaim: 'a..b' },
      expect.stringMatching(/^equalsClaim: got "a\.\.b"; expected a claim path of at most 1024/),
    ],
    [{ equalsClaim: 7 }, expect.stringMatching(/^equalsClaim: got 7; expected a claim path/)],
    [
      { equalsClaim: '/sub' },
      'equalsClaim: got "/sub"; expected the path of another claim, because each claim equals itself',
    ],
    [{ atLeast: '5' }, 'atLeast: got "5"; expected a finite number'],
    [{ atMost: Number.NaN }, 'atMost: got NaN; expected a finite number'],
    [{ above: Number.NEGATIVE_INFINITY }, 'above: got -Infinity; expected a finite number'],
    [{ below: 5n }, 'below: got a bigint; expected a finite number'],
    [{ exists: true, message: '' }, 'message: got ""; expected 1 to 200 characters of printable ASCII'],
    [{ exists: true, message: 'a\nb' }, 'message: got "a\\nb"; expected 1 to 200 characters of printable ASCII'],
    [{ exists: true, message: 'a'.repeat(201) }, expect.stringMatching(/^message: got "a+…"; expected 1 to 200/)],
    [{ exists: true, message: 1 }, 'message: got 1; expected 1 to 200 characters of printable ASCII'],
  ])('cannot have the operators %j', (operators, problem) => {
    const { problems } = read({ sub: operators })
    expect(problems.map((line) => line.replace('claims.sub.', ''))).toEqual([problem])
  })

  it.each([[{}], [{ message: 'only for members' }]])(
    'cannot have %j for operators, which is no condition',
    (operators) => {
      const problem = 'claims.sub: no operator; write at least one (docs/policy.md lists them)'
      expect(read({ sub: operators }).problems).toEqual([problem])
    },
  )

  it('are told how to write a claim within another, where a path stands without quotes', () => {
    const wanted = 'unknown option'
    expect(read({ realm_access: { roles: 'admin' } }).problems).toEqual([
      `claims.realm_access.roles: ${wanted}; docs/policy.md lists the operators; for a claim within this one, write its whole path in quotes: 'realm_access.roles'`,
    ])
    expect(read({ a: { 'b.c': { equals: 1 } } }).problems).toEqual([
      `claims.a.b.c: ${wanted}; docs/policy.md lists the operators; for a claim within this one, write its whole path in quotes: 'a."b.c"'`,
    ])
  })

  it('cannot have operators that do not exist, and are told what was meant', () => {
    const wanted = 'unknown option'
    expect(read({ sub: { equal: 'a', pattern: 'b', exists: true } }).problems).toEqual([
      `claims.sub.equal: ${wanted}; did you mean \`equals\`?`,
      `claims.sub.pattern: ${wanted}; docs/policy.md lists the operators; for a claim within this one, write its whole path in quotes: 'sub.pattern'`,
    ])
    expect(read({ sub: { Equals: 'a' } }).problems).toEqual([`claims.sub.Equals: ${wanted}; did you mean \`equals\`?`])
  })

  it('cannot have a malformed path', () => {
    expect(read({ 'a..b': 'x', '/a~2': 'x', '': 'x' }).problems).toEqual(
      ['a..b', '/a~2', ''].map((path) =>
        expect.stringContaining(`claims.${path}: got a malformed claim path; expected a claim path of at most 1024`),
      ),
    )
  })

  it('tell all that is wrong at once', () => {
    expect(read({ a: null, b: { exists: 1, below: '' }, 'c.': 1, d: 'fine' }).problems).toHaveLength(4)
  })

  it('never hold where they could not be read', () => {
    const { conditions } = read({
      a: null,
      b: { message: 'x' },
      '..': 'x',
      c: [],
      d: { equal: 'x' },
      e: { equals: null },
    })
    const claims = { a: null, b: 'x', '..': 'x', c: [], d: 'x', e: null }
    expect(conditions.map((condition) => condition.holds(claims))).toEqual(Array(6).fill(false))
  })

  it('are what the options were when they were read', () => {
    const options = { sub: ['a'], aud: { includes: ['b'] }, scp: { hasWord: ['c'] } }
    const conditions = conditionsOf(options)
    options.sub.push('x')
    options.aud.includes[0] = 'x'
    options.scp.hasWord[0] = 'x'
    const claims = { sub: 'x', aud: ['x'], scp: 'x' }
    expect(conditions.map((condition) => condition.holds(claims))).toEqual([false, false, false])
  })
})

describe('a condition', () => {
  const other = { type: 'object' }
  it.each<[ClaimConditionOption, unknown[], unknown[]]>([
    ['a', ['a'], ['A', 'a ', '', 'ab', ['a'], { a: 'a' }, null, undefined]],
    ['', [''], [null, undefined, [], false, 0, ' ']],
    ['a*', ['a', 'ab', 'a/b'], ['ba', ['a'], null, undefined]],
    ['*', ['', 'a', '*'], [0, true, null, undefined, [], {}, ['a']]],
    ['5', ['5'], [5, '5.0', ['5']]],
    ['true', ['true'], [true]],
    [5, [5], ['5', 5.1, [5], true, null, undefined]],
    [0, [0, -0], ['', '0', false, null, undefined, []]],
    [1, [1], [true, '1']],
    [true, [true], ['true', 1, [true], {}, null, undefined]],
    [false, [false], ['', 0, 'false', null, undefined, []]],
    [
      ['a', 'b*', 5, true],
      ['a', 'b', 'bc', 5, true],
      ['c', '5', 'true', 1, ['a'], null, undefined],
    ],
    [{ equals: 'a*' }, ['a*'], ['a', 'ab', undefined]],
    [{ equals: 5 }, [5], ['5', undefined]],
    [{ oneOf: ['a*', 5] }, ['ab', 5], ['b', '5', undefined]],
    [{ includes: 'a' }, [['a'], ['b', 'a']], ['a', 'xax', [], ['b'], [['a']], { 0: 'a' }, null, undefined]],
    [{ includes: 'a*' }, [['ab']], ['ab', ['ba'], [['ab']], undefined]],
    [{ includes: 5 }, [[5]], [['5'], 5]],
    [{ includes: [false, 'a*'] }, [[false], ['ab', 7]], [[0], [''], [null], [true], []]],
    [
      { hasWord: 'Orders.Read' },
      ['Orders.Read', 'a Orders.Read', 'Orders.Read b', 'a Orders.Read b', ' Orders.Read ', 'a  Orders.Read'],
      ['Orders.ReadWrite', 'My.Orders.Read', 'orders.read', 'a,Orders.Read', 'a\tOrders.Read', 'Orders.Read\n', ''],
    ],
    [{ hasWord: 'a' }, ['a'], [['a'], [], { a: 'a' }, 5, true, null, undefined]],
    [{ hasWord: ['a', 'b'] }, ['a', 'b', 'c b', 'b a'], ['c', 'ab', '', undefined]],
    [{ hasWord: 'a*' }, ['a*', 'b a*'], ['ab', 'a']],
    [{ hasWord: '5' }, ['5', '4 5'], [5]],
    [{ hasWord: 'a', includes: 'a' }, [], ['a', ['a']]],
    [{ exists: true }, ['', 0, false, null, [], {}], [undefined]],
    [{ exists: false }, [undefined], ['', 0, false, null, [], {}]],
    [{ atLeast: 5 }, [5, 6, 5.5], [4.999, '6', '5', [6], true, null, undefined, {}]],
    [{ atMost: 5 }, [5, 4, -1], [5.001, '4', [4], false, null, undefined, Number.NEGATIVE_INFINITY]],
    [{ above: 5 }, [5.001, 6], [5, '6', null, undefined, Number.POSITIVE_INFINITY, Number.NaN]],
    [{ below: 5 }, [4.999, -6], [5, '4', null, '', [], false, undefined, Number.NEGATIVE_INFINITY]],
    [{ atLeast: 1, below: 3 }, [1, 2.9], [0, 3]],
    [{ equals: 'a', exists: true, message: 'no' }, ['a'], ['b', undefined]],
    [{ exists: false, equals: 'a' }, [], ['a', undefined]],
    [{ includes: 'a', exists: true, oneOf: ['a'] }, [], ['a', ['a'], undefined]],
  ])('%j holds for %j, and not for %j', (option, right, wrong) => {
    expect(right.filter((claim) => !isSatisfied(option, claim))).toEqual([])
    expect(wrong.filter((claim) => isSatisfied(option, claim))).toEqual([])
  })

  it('finds a word in a claim of 16 384 characters, and none in a longer one', () => {
    const filler = 'x'.repeat(16_381)
    expect(isSatisfied({ hasWord: 'a' }, `${filler} a `)).toBe(true)
    expect(isSatisfied({ hasWord: 'a' }, `${filler} a  `)).toBe(false)
  })

  it.each<[ClaimConditionOption, unknown[], unknown[]]>([
    [{ includes: 'a' }, ['a', ['a'], ['b', 'a']], ['b', 'a b', '', [], { 0: 'a' }, null, undefined]],
    [{ includes: ['a', 'b*'] }, ['a', 'bc', ['bc']], ['ca', ['c']]],
    [{ includes: 5 }, [[5]], [5, '5', '', ['5']]],
    [{ includes: true }, [[true]], [true, 'true']],
    [{ oneOf: ['a'] }, ['a'], [['a']]],
    ['a', ['a'], [['a']]],
    [{ hasWord: 'a' }, ['b a'], [['a']]],
    [{ equals: 'a' }, ['a'], [['a']]],
  ])('%j holds for %j, and not for %j, if one string is an array of one', (option, right, wrong) => {
    expect(right.filter((claim) => !isSatisfied(option, claim, undefined, true))).toEqual([])
    expect(wrong.filter((claim) => isSatisfied(option, claim, undefined, true))).toEqual([])
  })

  it.each<[unknown, unknown, boolean]>([
    ['a', 'a', true],
    [5, 5, true],
    [false, false, true],
    ['a*', 'ab', false],
    ['5', 5, false],
    [1, true, false],
    ['', undefined, false],
    [undefined, undefined, false],
    [undefined, 'a', false],
    [null, null, false],
    [['a'], ['a'], false],
    [other, other, false],
    [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY, false],
    [Number('9007199254740992'), Number('9007199254740993'), false],
  ])('that %j is the same claim as %j: %j', (claim, second, isSame) => {
    expect(isSatisfied({ equalsClaim: 'other' }, claim, second)).toBe(isSame)
  })

  it('finds the claims that it names wherever they stand', () => {
    const [condition] = conditionsOf({ '"kubernetes.io".pod.name': { equalsClaim: 'https://example.com/pod' } })
    const claims = { 'kubernetes.io': { pod: { name: 'x' } }, 'https://example.com/pod': 'x' }
    expect(condition?.holds(claims)).toBe(true)
    expect(condition?.holds({ ...claims, 'https://example.com/pod': 'y' })).toBe(false)
  })

  it('takes the name of an operator for a path, where it stands as one', () => {
    expect(conditionsOf({ equals: 'a', message: 'b' }).map(({ path }) => path)).toEqual(['equals', 'message'])
  })

  it('is not satisfied by what every object has', () => {
    const options = { constructor: { exists: true }, '/toString': { exists: true }, '/a/length': { atLeast: 0 } }
    const claims = { a: [] }
    expect(conditionsOf(options).map((condition) => condition.holds(claims))).toEqual([false, false, false])
  })
})

describe('what a condition tells', () => {
  it.each<[ClaimConditionOption, string]>([
    ['main', 'exactly "main"'],
    ['refs/tags/*', 'like "refs/tags/*"'],
    [5, 'exactly 5'],
    [true, 'exactly true'],
    [['refs/heads/main', 'refs/tags/*', 5], 'one of "refs/heads/main", "refs/tags/*", 5'],
    [{ equals: 'a*' }, 'exactly "a*"'],
    [{ includes: 'a*' }, 'an array with "a*"'],
    [{ includes: ['a', 7] }, 'an array with one of "a", 7'],
    [{ hasWord: 'a' }, 'the word "a"'],
    [{ hasWord: ['a', 'b', 'a'] }, 'one of the words "a", "b"'],
    [{ exists: true }, 'present'],
    [{ exists: false }, 'missing'],
    [{ equalsClaim: '"a.b".c' }, 'the same as the claim "a.b".c'],
    [{ below: 3, atLeast: 1 }, 'a number of at least 1 and a number below 3'],
    [{ above: 1, atMost: 3.5 }, 'a number of at most 3.5 and a number above 1'],
    ['é\n', 'exactly "\\u00e9\\n"'],
  ])('of %j is that it expects %s', (option, expected) => {
    expect(conditionsOf({ claim: option })[0]?.expected).toBe(expected)
  })

  it('of includes names a string alone if one string is an array of one', () => {
    const [condition] = conditionsOf({ claim: { includes: ['a', 'b'] } }, true)
    expect(condition?.expected).toBe('an array with one of "a", "b", or such a string alone')
  })

  it('has at most 200 characters', () => {
    const [condition] = conditionsOf({ claim: ['a'.repeat(300)] })
    expect(condition?.expected).toHaveLength(200)
  })

  it('is its path as it is written, and its message if it has one', () => {
    const conditions = conditionsOf({ '"a.b"': { exists: true, message: 'Only "a.b" ~' }, '/c~1d': { exists: true } })
    expect(conditions.map(({ path, message }) => [path, message])).toEqual([
      ['"a.b"', 'Only "a.b" ~'],
      ['/c~1d', undefined],
    ])
    expect(conditions.map((condition) => Object.hasOwn(condition, 'message'))).toEqual([true, false])
  })
})

describe('the first failing condition', () => {
  const conditions = conditionsOf({ a: '1', b: '2', c: '3' })

  it('is the first in the order of the options', () => {
    expect(findFailing(conditions, { a: '1', b: 'x', c: 'x' })?.path).toBe('b')
    expect(findFailing(conditions, {})?.path).toBe('a')
  })

  it('is none where all hold', () => {
    expect(findFailing(conditions, { a: '1', b: '2', c: '3', d: '4' })).toBeUndefined()
  })
})

describe('for any option and any claim', () => {
  const text = fc.constantFrom('', 'a', 'ab', 'ba', '*', 'a*', '*b*', '1', '0', 'true', 'null', 'a b', ' ab  a')
  const word = fc.constantFrom('a', 'ab', 'b', '*', 'a*', '1')
  const scalar = fc.oneof(text, fc.constantFrom(0, 1, -1, 1.5), fc.boolean())
  const scalars = fc.array(scalar, { minLength: 1, maxLength: 3 })
  const operators = fc.record<Required<ClaimOperators>>(
    {
      equals: scalar,
      oneOf: scalars,
      includes: fc.oneof(scalar, scalars),
      hasWord: fc.oneof(word, fc.array(word, { minLength: 1, maxLength: 3 })),
      exists: fc.boolean(),
      equalsClaim: fc.constantFrom('other', '/other/0', 'other.a'),
      atLeast: fc.constantFrom(0, 1),
      atMost: fc.constantFrom(0, 1),
      above: fc.constantFrom(-1, 0),
      below: fc.constantFrom(1, 2),
      message: fc.constant('no'),
    },
    { requiredKeys: [] },
  )
  const isCondition = (option: Partial<ClaimOperators>) => Object.keys(option).some((key) => key !== 'message')
  const condition = operators.filter(isCondition)
  const option: fc.Arbitrary<ClaimConditionOption> = fc.oneof(scalar, scalars, condition)
  const json = fc.oneof(
    scalar,
    fc.constantFrom(null, [], {}),
    fc.array(fc.oneof(scalar, fc.constant(null), scalars), { maxLength: 3 }),
    fc.record({ a: scalar }),
  )
  const claim = fc.option(json, { nil: undefined, freq: 8 })

  const isSame = (wanted: unknown, value: unknown) => JSON.stringify([wanted]) === JSON.stringify([value])
  const isLike = (wanted: unknown, value: unknown) =>
    typeof wanted === 'string' && typeof value === 'string' ? matchesObviously(wanted, value) : isSame(wanted, value)
  const listOf = <Member>(value: Member | readonly Member[]) => [value].flat() as Member[]
  const isPlain = (value: unknown) => ['string', 'number', 'boolean'].includes(typeof value)

  /** The claim that is named, in one of the three ways above. */
  function otherOf(path: string, other: unknown): unknown {
    if (path === 'other') return other
    if (path === '/other/0') return Array.isArray(other) ? other[0] : undefined
    return typeof other === 'object' && other !== null && 'a' in other ? other.a : undefined
  }

  /** Whether a text has a word: between its ends and spaces, one place after the other. */
  function hasWordObviously(text: string, wanted: string): boolean {
    for (let start = 0; start + wanted.length <= text.length; start += 1) {
      const end = start + wanted.length
      const isWhole = (start === 0 || text[start - 1] === ' ') && (end === text.length || text[end] === ' ')
      if (isWhole && text.slice(start, end) === wanted) return true
    }
    return false
  }

  function holdsObviously(wanted: ClaimConditionOption, value: unknown, other: unknown, isOne = false): boolean {
    if (typeof wanted !== 'object') return isLike(wanted, value)
    if (Array.isArray(wanted)) return wanted.some((each) => isLike(each, value))
    const { equals, oneOf, includes, hasWord, exists, equalsClaim, atLeast, atMost, above, below } =
      wanted as ClaimOperators
    const size = typeof value === 'number' ? value : Number.NaN
    const named = equalsClaim === undefined ? undefined : otherOf(equalsClaim, other)
    return (
      (equals === undefined || isSame(equals, value)) &&
      (oneOf === undefined || oneOf.some((each) => isLike(each, value))) &&
      (includes === undefined ||
        (Array.isArray(value) && value.some((element) => listOf(includes).some((each) => isLike(each, element)))) ||
        (isOne && typeof value === 'string' && listOf(includes).some((each) => isLike(each, value)))) &&
      (hasWord === undefined ||
        (typeof value === 'string' && listOf(hasWord).some((each) => hasWordObviously(value, each)))) &&
      (exists === undefined || exists === (value !== undefined)) &&
      (equalsClaim === undefined || (isPlain(value) && isPlain(named) && isSame(named, value))) &&
      (atLeast === undefined || size >= atLeast) &&
      (atMost === undefined || size <= atMost) &&
      (above === undefined || size > above) &&
      (below === undefined || size < below)
    )
  }

  it(
    'the condition holds where an obvious reading of it does',
    () => {
      fc.assert(
        fc.property(option, claim, claim, fc.boolean(), (wanted, value, other, isOne) => {
          expect(isSatisfied(wanted, value, other, isOne)).toBe(holdsObviously(wanted, value, other, isOne))
        }),
        shareOfCases(0.2),
      )
    },
    TIMEOUT,
  )

  it(
    'one more operator, or one more condition, never lets more pass',
    () => {
      const names = fc.constantFrom('claim', 'other', '/claim/0', 'claim.a')
      const rule = fc.uniqueArray(fc.tuple(names, option), { minLength: 1, maxLength: 3, selector: ([path]) => path })
      fc.assert(
        fc.property(condition, operators, rule, claim, claim, (few, further, rules, value, other) => {
          if (isSatisfied({ ...further, ...few }, value, other)) expect(isSatisfied(few, value, other)).toBe(true)
          const claims = JSON.parse(JSON.stringify({ claim: value, other })) as Claims
          const isPassed = (count: number) => {
            // A claim that would be compared with itself is refused, and says nothing here.
            const { conditions } = read(Object.fromEntries(rules.slice(0, count)))
            return findFailing(conditions, claims) === undefined
          }
          if (isPassed(rules.length))
            for (const count of rules.keys()) expect(count === 0 || isPassed(count)).toBe(true)
        }),
        shareOfCases(0.05),
      )
    },
    TIMEOUT,
  )

  it(
    'singleAsArray lets nothing pass but a string that would pass as an array of one',
    () => {
      fc.assert(
        fc.property(option, claim, claim, (wanted, value, other) => {
          const [usually, asArray] = [false, true].map((isOne) => isSatisfied(wanted, value, other, isOne))
          if (usually || typeof value !== 'string') expect(asArray).toBe(usually)
          else if (asArray)
            expect(isSatisfied({ includes: (wanted as ClaimOperators).includes ?? [] }, [value])).toBe(true)
        }),
        shareOfCases(0.1),
      )
    },
    TIMEOUT,
  )

  it(
    'one more value in a list never lets less pass',
    () => {
      fc.assert(
        fc.property(scalars, scalar, claim, (few, further, value) => {
          for (const make of [(list: typeof few) => list, (includes: typeof few) => ({ includes })])
            if (isSatisfied(make(few), value)) expect(isSatisfied(make([...few, further]), value)).toBe(true)
        }),
        shareOfCases(0.04),
      )
    },
    TIMEOUT,
  )

  it(
    'a claim of another type satisfies nothing that stands for itself',
    () => {
      fc.assert(
        fc.property(scalar, json, (wanted, value) => {
          fc.pre(typeof wanted !== typeof value)
          const options = [wanted, [wanted], { equals: wanted }, { oneOf: [wanted] }]
          expect(options.filter((each) => isSatisfied(each, value))).toEqual([])
          expect(isSatisfied({ includes: wanted }, [value])).toBe(false)
          expect(isSatisfied({ equalsClaim: 'other' }, wanted, value)).toBe(false)
        }),
        shareOfCases(0.03),
      )
    },
    TIMEOUT,
  )

  it(
    'a missing claim satisfies nothing but that it does not exist',
    () => {
      fc.assert(
        fc.property(option, claim, (wanted, other) => {
          const demands = Object.keys(typeof wanted === 'object' && !Array.isArray(wanted) ? wanted : { '': wanted })
          const isAbsence = demands.every((each) => each === 'exists' || each === 'message')
          const isWanted = isAbsence && (wanted as ClaimOperators).exists === false
          expect(isSatisfied(wanted, undefined, other)).toBe(isWanted)
        }),
        shareOfCases(0.03),
      )
    },
    TIMEOUT,
  )
})
