import { describe, expect, it } from '@jest/globals'
import { differencesOf, titleOf, withChangesOf, withOption, writtenPart } from '../../../src/admin-page/entry.js'

describe('two versions of an entry', () => {
  const base = { name: 'n', alias: 'a', scopes: ['x'], requiredClaims: { a: '1', b: '2' } }

  it('differ in the options that somebody has changed, added or removed', () => {
    const theirs = { name: 'n', scopes: ['x', 'y'], requiredClaims: { b: '2', a: '1' }, lifetime: 5 }
    expect(differencesOf(base, theirs)).toEqual([
      { option: 'alias', mine: 'a', theirs: undefined },
      { option: 'scopes', mine: ['x'], theirs: ['x', 'y'] },
      { option: 'lifetime', mine: undefined, theirs: 5 },
    ])
    expect(differencesOf(base, base)).toEqual([])
  })

  it('join without losing the change of either side', () => {
    const mine = { ...withOption(base, 'alias', undefined), scopes: ['mine'] }
    const theirs = { ...base, scopes: ['theirs'], lifetime: 5 }
    expect(withChangesOf(mine, base, theirs)).toEqual({
      name: 'n',
      requiredClaims: base.requiredClaims,
      scopes: ['mine'],
      lifetime: 5,
    })
    expect(withChangesOf(base, base, theirs)).toEqual(theirs)
  })
})

describe('an entry', () => {
  it('is called by its display name, or else by its name or its id', () => {
    expect(titleOf({ displayName: 'Acme', name: 'n', id: 'i' })).toBe('Acme')
    expect(titleOf({ displayName: '', name: 'n', id: 'i' })).toBe('n')
    expect(titleOf({ id: 'i' })).toBe('i')
  })

  it('is sent back without what the store itself writes', () => {
    const stored = { id: 'i', name: 'n', revision: '1', updatedAt: 2, keysRefreshedAt: 3, description: 'd' }
    expect(writtenPart(stored)).toEqual({ id: 'i', name: 'n', description: 'd' })
  })
})
