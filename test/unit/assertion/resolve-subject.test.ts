import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { resolveSubject } from '../../../src/assertion/resolve-subject.js'
import type { VerifiedAssertion } from '../../../src/assertion/verify-assertion.js'
import { isDependencyUnavailable, isTokenRejected } from '../../../src/errors/rejections.js'
import { isSubject } from '../../../src/jwt/check-claims.js'
import { OptionReader } from '../../../src/option-checks/option-reader.js'
import {
  createMapSubject,
  RAW_SUBJECT,
  readSubjectMapping,
  type SubjectOption,
} from '../../../src/policy/subject-mapping.js'
import { hostFunctions } from '../../support/host-functions.js'

function assertionOf(name: string, sub: string, subject: SubjectOption): VerifiedAssertion {
  const mapping = readSubjectMapping(new OptionReader({ subject })) ?? RAW_SUBJECT
  return {
    identityProvider: { id: name, mapSubject: createMapSubject(mapping, name, hostFunctions) },
    sub,
    payload: { sub, email: 'alice@example.com' },
  } as unknown as VerifiedAssertion
}

/** The subject, or the reason for which there is none. */
async function outcomeOf(option: SubjectOption, name = 'https://idp.example.com', sub = 'alice'): Promise<string> {
  try {
    return await resolveSubject(assertionOf(name, sub, option))
  } catch (error) {
    if (isTokenRejected(error) || isDependencyUnavailable(error)) return `${error.name} ${error.reason}`
    throw error
  }
}

const awkward = fc.string({ unit: fc.constantFrom('a', 'b', '|', '%', '7', 'C', '2', '5', ' '), maxLength: 6 })
/** What an assertion can have for one. */
const sub = fc.oneof(awkward, fc.string()).filter(isSubject)
const name = awkward.filter((text) => text === text.trim())

describe('a namespaced subject', () => {
  it('has the name of the identity provider before it', async () => {
    expect(await outcomeOf('namespaced')).toBe('https://idp.example.com|alice')
    expect(await outcomeOf('namespaced', 'a|b%c', 'x|y%z')).toBe('a%7Cb%25c|x|y%z')
  })

  it('belongs to one identity provider and one sub, whatever they are', async () => {
    await fc.assert(
      fc.asyncProperty(name, sub, name, sub, async (name, sub, otherName, otherSub) => {
        const isSame = name === otherName && sub === otherSub
        const [subject, other] = [
          await outcomeOf('namespaced', name, sub),
          await outcomeOf('namespaced', otherName, otherSub),
        ]
        expect(subject === other).toBe(isSame)
      }),
      { numRuns: 2000 },
    )
  })

  it('can be taken apart again at the first bar', async () => {
    await fc.assert(
      fc.asyncProperty(name, sub, async (name, sub) => {
        const subject = await outcomeOf('namespaced', name, sub)
        const bar = subject.indexOf('|')
        expect([decodeURIComponent(subject.slice(0, bar)), subject.slice(bar + 1)]).toEqual([name, sub])
      }),
    )
  })
})

describe('a raw subject', () => {
  it('is the sub as it stands', async () => {
    expect(await outcomeOf('raw', 'a', 'x|y')).toBe('x|y')
  })
})

describe('a mapped subject', () => {
  it('is what the function makes of identityProvider, sub and claims', async () => {
    const seen: unknown[] = []
    expect(
      await outcomeOf((assertion) => {
        seen.push(assertion)
        return `user:${assertion.sub}`
      }),
    ).toBe('user:alice')
    expect(seen).toEqual([
      {
        identityProvider: 'https://idp.example.com',
        sub: 'alice',
        claims: { sub: 'alice', email: 'alice@example.com' },
      },
    ])
    expect(await outcomeOf(async ({ claims }) => String(claims.email))).toBe('alice@example.com')
  })

  it.each(['', ' ', ' alice', 'alice ', 'al\u200bice', '\u2800', undefined, null, 7, {}, ['alice']])(
    'is refused when it is %j',
    async (subject) => {
      expect(await outcomeOf(() => subject as string)).toBe('TokenRejected invalid_subject')
      expect(await outcomeOf(() => Promise.resolve(subject as string))).toBe('TokenRejected invalid_subject')
    },
  )

  it.each<[string, () => string | Promise<string>]>([
    [
      'throws',
      () => {
        throw new Error('database down')
      },
    ],
    ['rejects', () => Promise.reject(new Error('database down'))],
  ])('is an outage of ours when the function %s', async (_, map) => {
    expect(await outcomeOf(map)).toBe('DependencyUnavailable subject_mapping_failed')
  })
})
