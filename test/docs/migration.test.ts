import { readFileSync } from 'node:fs'
import { describe, expect, it } from '@jest/globals'

const MIGRATION = readFileSync('docs/migration.md', 'utf8')

function sectionOf(heading: string): string {
  return MIGRATION.split(/^## /m).find((text) => text.startsWith(`${heading}\n`)) ?? ''
}

/** The first cells of the tables of options, each a name. */
function optionsIn(section: string): string[] {
  return [...section.matchAll(/^\| `([\w.]+)` \| /gm)].map(([, name = '']) => name)
}

/** The members that a declaration has between two texts of a file of types, or of code. */
function membersOf(path: string, [from, to]: [string, string], member: RegExp): string[] {
  const text = readFileSync(`node_modules/${path}`, 'utf8')
  const start = text.indexOf(from)
  expect(start).toBeGreaterThan(-1)
  const names = [...text.slice(start, text.indexOf(to, start)).matchAll(member)].map(([, name = '']) => name)
  return [...new Set(names)]
}

/** The names of options in the second cells, such as `jwksEndpoint.readTimeout` and `protect({ getToken })`. */
function namesHere(): string[] {
  const cells = [...MIGRATION.matchAll(/^\| (?:`[\w.]+`|[\w ]+) \| ([^|]*) \|$/gm)].map(([, cell = '']) => cell)
  const code = cells.flatMap((cell) => [...cell.matchAll(/`([^`]+)`/g)].map(([, text = '']) => text))
  return code.flatMap((text) => /^(?:protect\(\{ )?([a-z]\w+(?:\.\w+)?)(?: \}\))?$/.exec(text)?.[1] ?? [])
}

const MEMBER = /^ {2,4}(\w+)\??(?:: |\()/gm
const PASSPORT = 'passport-jwt and jwks-rsa'
const EXPRESS = 'express-jwt and jwks-rsa'
const BEARER = 'express-oauth2-jwt-bearer'

describe('docs/migration.md', () => {
  it.each<[string, string, string[]]>([
    [
      'passport-jwt',
      PASSPORT,
      membersOf('passport-jwt/lib/strategy.js', ['function JwtStrategy', 'util.inherits'], /\boptions\.(\w+)/g),
    ],
    [
      'the extractors of passport-jwt',
      PASSPORT,
      membersOf('passport-jwt/lib/extract_jwt.js', ['var extractors', 'module.exports'], /^extractors\.(\w+) =/gm),
    ],
    [
      'jwks-rsa',
      PASSPORT,
      membersOf('jwks-rsa/index.d.ts', ['interface OptionsBase', 'interface OptionsWithUri'], MEMBER),
    ],
    [
      'express-jwt',
      EXPRESS,
      membersOf('express-jwt/dist/index.d.ts', ['export type Params', '} & jwt.VerifyOptions'], MEMBER),
    ],
    [
      'jsonwebtoken',
      PASSPORT,
      membersOf('@types/jsonwebtoken/index.d.ts', ['export interface VerifyOptions', '\n}'], MEMBER),
    ],
    [
      'the verifier of express-oauth2-jwt-bearer',
      BEARER,
      membersOf(
        'express-oauth2-jwt-bearer/dist/index.d.ts',
        ['interface JwtVerifierOptions', '\n}'],
        /^ {4}(\w+)\??: /gm,
      ),
    ],
    [
      'auth of express-oauth2-jwt-bearer',
      BEARER,
      membersOf('express-oauth2-jwt-bearer/dist/index.d.ts', ['interface AuthOptions', '\n}'], /^ {4}(\w+)\??: /gm),
    ],
  ])('has each option of %s', (_name, section, options) => {
    expect(options.length).toBeGreaterThan(2)
    expect(options.filter((name) => !optionsIn(sectionOf(section)).includes(name))).toEqual([])
  })

  it('names options that are documented', () => {
    const documents = ['options', 'routes', 'policy', 'observability'].map((name) =>
      readFileSync(`docs/${name}.md`, 'utf8'),
    )
    const inFiles = (name: string) => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
    const isDocumented = (name: string) =>
      documents.some((text) => new RegExp(`[\`. ](?:${name}|${inFiles(name)})\\b`).test(text))
    const names = namesHere().filter((name) => !['false', 'nonce', 'nbf', 'mtls'].includes(name))
    expect(names.length).toBeGreaterThan(40)
    expect([...new Set(names)].filter((name) => !isDocumented(name))).toEqual([])
  })
})
