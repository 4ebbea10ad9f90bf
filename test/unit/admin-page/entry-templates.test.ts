import { describe, expect, it } from '@jest/globals'
import { examplesLeft, TEMPLATES } from '../../../src/admin-page/entry-templates.js'
import { blocksOf, loadRecipe, OWN_KEY, sectionOf, VENDORS } from '../../support/recipes.js'

/** Of a recipe, what an entry that is registered at run time may have. */
function recipesOf(vendor: string) {
  return blocksOf(sectionOf(vendor)).map((block) => {
    const {
      ca: _,
      bearerTokenFile: __,
      certificates: ___,
      subject: ____,
      ...entry
    } = loadRecipe(block).identityProviders?.[0] ?? {}
    return entry
  })
}

describe('the templates', () => {
  it('are the recipes of the document, in their order', () => {
    const recipes = [...VENDORS, OWN_KEY].flatMap(recipesOf)
    expect(recipes.length).toBeGreaterThan(10)
    const byName = (entries: readonly { name?: unknown }[]) =>
      entries.toSorted((one, other) => (String(one.name) < String(other.name) ? -1 : 1))
    expect(byName(TEMPLATES.map(({ entry }) => entry))).toEqual(byName(recipes))
  })

  it.each(TEMPLATES.map((template) => [template.title, template] as const))(
    'say what is an example: %s',
    (_, template) => {
      const { entry, examples } = template
      expect(examples.length).toBeGreaterThan(0)
      expect(examplesLeft(entry, examples)).toEqual(examples)
      expect(examplesLeft({ name: 'https://idp.customer.net' }, examples)).toEqual([])
    },
  )

  it('have titles of their own', () => {
    expect(new Set(TEMPLATES.map(({ title }) => title)).size).toBe(TEMPLATES.length)
  })
})
