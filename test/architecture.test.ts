import { readdirSync, readFileSync } from 'node:fs'
import { posix } from 'node:path'
import { describe, expect, it } from '@jest/globals'

/** High to low. A file imports its own feature and lower floors only; features of one floor do not know each other. */
const FLOORS = [
  ['index', 'augment', 'postgres', 'redis', 'cli'],
  ['file-store'],
  ['config', 'admin', 'metrics'],
  ['resource-server'],
  ['exchange'],
  ['express', 'passport'],
  ['token-request', 'explain'],
  ['grants'],
  ['authorization', 'protected-route'],
  ['client-auth', 'trusted-issuer'],
  ['assertion', 'access-token'],
  ['identity-provider-lookup'],
  ['identity-provider-store'],
  ['identity-provider'],
  ['jwks', 'introspection', 'signing-keys', 'replay', 'revocation', 'policy'],
  ['verification-keys'],
  ['guarded-fetch'],
  ['jwt', 'oauth', 'host-functions', 'x509', 'database'],
  ['events', 'option-checks', 'clock'],
  ['errors'],
]
/**
 * Stand beside the house: they import nothing of ours, and nothing imports them. The fake identity provider stays an independent
 * oracle, and the page runs in the browser.
 */
const APART = ['testing', 'admin-page']
const MAX_LINES = 220
const MAX_FUNCTION_LINES = 40

type Sources = ReadonlyMap<string, string>

interface Import {
  from: string
  to: string
}

const SRC = new URL('../src/', import.meta.url)
const EXAMPLE_APP = new URL('../example-app/', import.meta.url)
const sources = readSources(SRC, true)

const SPECIFIER = /^(?:(?:import|export)\b[^'"]*?\bfrom|import) '([^']+)'|\b(?:import|require)\(\s*['"]([^'"]+)['"]/gm

function readSources(directory: URL, recursive: boolean): Sources {
  const paths = readdirSync(directory, { recursive, encoding: 'utf8' })
    .filter((path) => /\.tsx?$/.test(path))
    .map((path) => path.replaceAll('\\', '/'))
  return new Map(paths.map((path) => [path, readFileSync(new URL(path, directory), 'utf8')]))
}

/** Every import and re-export, types included: relative ones as a path in src, packages as they are written. */
function importsOf(files: Sources): Import[] {
  return [...files].flatMap(([from, text]) =>
    [...text.matchAll(SPECIFIER)]
      .map((match) => match[1] ?? match[2] ?? '')
      .map((specifier) => ({ from, to: specifier.startsWith('.') ? resolveIn(from, specifier, files) : specifier })),
  )
}

function resolveIn(from: string, specifier: string, files: Sources): string {
  const path = posix.join(posix.dirname(from), specifier).replace(/\.js$/, '.ts')
  return files.has(`${path}x`) ? `${path}x` : path
}

/** `jwks/fetch-jwks.ts` → `jwks`; `augment.ts` → `augment`. */
function featureOf(path: string): string {
  return path.split('/', 1)[0]?.replace(/\.tsx?$/, '') ?? ''
}

function isOurs({ to }: Import): boolean {
  return /\.tsx?$/.test(to)
}

function floorOf(feature: string): number {
  return FLOORS.findIndex((floor) => floor.includes(feature))
}

function upwardImports(files: Sources): string[] {
  return importsOf(files)
    .filter(isOurs)
    .filter(({ from, to }) => {
      const [importer, imported] = [featureOf(from), featureOf(to)]
      if (importer === imported) return from === to
      return [importer, imported].some((feature) => APART.includes(feature)) || floorOf(imported) <= floorOf(importer)
    })
    .map(({ from, to }) => `${from} imports ${to}`)
}

/** Chains of imports that lead back to where they began, types included. */
function circles(files: Sources): string[] {
  const importedBy = new Map<string, string[]>()
  for (const { from, to } of importsOf(files).filter(isOurs))
    importedBy.set(from, [...(importedBy.get(from) ?? []), to])
  const done = new Set<string>()
  const found: string[] = []
  const follow = (path: string, way: readonly string[]) => {
    if (way.includes(path)) found.push([...way.slice(way.indexOf(path)), path].join(' → '))
    if (way.includes(path) || done.has(path)) return
    for (const next of importedBy.get(path) ?? []) follow(next, [...way, path])
    done.add(path)
  }
  for (const path of files.keys()) follow(path, [])
  return found
}

/** Functions and methods of more than 40 lines, from their first line to the brace that ends them. */
function longFunctions(files: Sources): string[] {
  return [...files].flatMap(([path, source]) =>
    [
      ...source.matchAll(
        /^(?:export )?(?:async )?function (\w+).*?^\}$|^ {2}(?:async )?(#?\w+)\([^\n]*\{$.*?^ {2}\}$/gms,
      ),
    ]
      .filter(([text]) => text.split('\n').length > MAX_FUNCTION_LINES)
      .map(([, name, method]) => `${path}: ${name ?? method}`),
  )
}

function importersOf(files: Sources, isWanted: (specifier: string) => boolean): string[] {
  return [...new Set(importsOf(files).flatMap(({ from, to }) => (isWanted(to) ? [from] : [])))]
}

function filesNaming(files: Sources, text: string): string[] {
  return [...files].filter(([, source]) => withoutComments(source).includes(text)).map(([path]) => path)
}

function withoutComments(source: string): string {
  return source.replace(/\/\*.*?\*\//gs, '').replace(/^\s*\/\/.*$/gm, '')
}

function longFiles(files: Sources): string[] {
  return [...files].filter(([, source]) => source.split('\n').length - 1 > MAX_LINES).map(([path]) => path)
}

function unspeakingNames(files: Sources): string[] {
  return [...files.keys()].filter((path) => /(^|[/-])(utils?|helpers?|common|shared|types|misc)(\.tsx?$|\/)/.test(path))
}

describe('the source', () => {
  it('is read whole', () => {
    expect(sources.size).toBeGreaterThan(80)
    expect(importsOf(sources)).toContainEqual({ from: 'index.ts', to: 'exchange/jwt-exchange.ts' })
    expect(importsOf(sources)).toContainEqual({ from: 'jwt/signatures.ts', to: 'jose' })
    const statements = [...sources.values()].flatMap((text) => text.match(/ from '/g) ?? [])
    expect(importsOf(sources).length).toBeGreaterThanOrEqual(statements.length)
  })

  it('stands on the floors, each of its features on one', () => {
    const features = new Set([...sources.keys()].map(featureOf))
    expect([...features].sort()).toEqual([...FLOORS.flat(), ...APART].sort())
  })

  it('imports only the own feature and lower floors', () => {
    expect(upwardImports(sources)).toEqual([])
  })

  it('imports the index nowhere', () => {
    expect(importersOf(sources, (to) => to === 'index.ts')).toEqual([])
  })

  it('knows Express in express/ only, and Passport in passport/ only', () => {
    const ofExpress = importersOf(sources, (to) => /^(express|body-parser)$/.test(to))
    const ofPassport = importersOf(sources, (to) => /^passport(-|$)/.test(to))
    expect(new Set(ofExpress.map(featureOf))).toEqual(new Set(['express']))
    expect(new Set(ofPassport.map(featureOf))).toEqual(new Set(['passport']))
  })

  it('names the example app in the demo command only, and the example app uses public entry points only', () => {
    expect(filesNaming(sources, 'example-app')).toEqual(['cli/demo-command.ts'])
    const { exports } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'))
    const entries = Object.keys(exports).map((entry) => posix.join('express-jwt-exchange', entry))
    const isPublic = (specifier: string) =>
      entries.includes(specifier) || !/^(express-jwt-exchange|\.\.)/.test(specifier)
    const used = importsOf(readSources(EXAMPLE_APP, false)).map(({ to }) => to)
    expect(used).toEqual(expect.arrayContaining(['express', 'express-jwt-exchange', 'express-jwt-exchange/testing']))
    expect(used.filter((specifier) => !isPublic(specifier))).toEqual([])
  })

  it('reads files in config/, cli/ and file-store/ only, but for a token that is renewed on disk and the admin page', () => {
    const isOfFiles = (path: string) => ['config', 'cli', 'file-store'].includes(featureOf(path))
    const readers = importersOf(sources, (to) => /^(node:)?fs(\/|$)/.test(to)).filter((path) => !isOfFiles(path))
    expect(readers).toEqual(['admin/page-routes.ts', 'guarded-fetch/bearer-token-file.ts'])
  })

  it('reads the environment in config/ and cli/ only', () => {
    const isConfig = (path: string) => ['config', 'cli'].includes(featureOf(path))
    expect(filesNaming(sources, 'process.env').filter((path) => !isConfig(path))).toEqual([])
  })

  it('reads JSON of others with parseJson, because JSON.parse may mistake an escaped name', () => {
    const callers = filesNaming(sources, 'JSON.parse(').filter((path) => !APART.includes(featureOf(path)))
    const reads = ['jwt/parse-json.ts']
    const readsOurOwn = ['cli/run-command-line.ts', 'option-checks/config-error.ts']
    const onlyTellsOfIt = ['cli/keygen-command.ts', 'signing-keys/key-text.ts']
    expect(callers.sort()).toEqual([...reads, ...readsOurOwn, ...onlyTellsOfIt].sort())
  })

  it('reads claims as own members only, whatever another library adds to Object.prototype', () => {
    const readers = [...sources].filter(([, source]) => /\bpayload\.\w/.test(withoutComments(source)))
    expect(readers.map(([path]) => path).filter((path) => !APART.includes(featureOf(path)))).toEqual([])
    const loops = [...sources].filter(([, source]) => /\bfor \((?:const|let) \w+ in /.test(source))
    expect(loops.map(([path]) => path)).toEqual(['passport/route-options.ts'])
  })

  it('has no circle of imports', () => {
    expect(circles(sources)).toEqual([])
  })

  it(`has no function of more than ${MAX_FUNCTION_LINES} lines`, () => {
    const ours = [...sources].filter(([path]) => featureOf(path) !== 'testing')
    expect(longFunctions(new Map(ours))).toEqual([])
  })

  it('has no file that could hold anything', () => {
    expect(unspeakingNames(sources)).toEqual([])
  })

  it(`has no file of more than ${MAX_LINES} lines`, () => {
    expect(longFiles(sources)).toEqual([])
  })
})

describe('the checks themselves', () => {
  const house = (path: string, source: string): Sources => new Map([[path, source]])

  it.each([
    ['upwards', 'jwks/key-set.ts', "import { readGrant } from '../grants/grant.js'"],
    ['sideways', 'express/http.ts', "import type { PassportStrategy } from '../passport/promise-strategy.js'"],
    [
      'over several lines',
      'clock/clock.ts',
      "import {\n  type Client,\n  digestSecret,\n} from '../client-auth/client.js'",
    ],
    ['for its effect', 'jwt/parse-jwt.ts', "import '../exchange/options.js'"],
    ['dynamically', 'oauth/scope.ts', "const load = () => import('../jwks/key-set.js')"],
    ['to pass it on', 'errors/printable.ts', "export * from '../oauth/scope.js'"],
    ['the fake identity provider', 'exchange/jwt-exchange.ts', "import { FakeKey } from '../testing/index.js'"],
    ['the page', 'exchange/jwt-exchange.ts', "import { App } from '../admin-page/app.js'"],
    ['ours from the page', 'admin-page/app.tsx', "import { printable } from '../errors/printable.js'"],
    ['ours from testing', 'testing/fake-keys.ts', "import { normaliseType } from '../jwt/parse-jwt.js'"],
  ])('find an import %s', (_, path, source) => {
    expect(upwardImports(house(path, source))).toHaveLength(1)
  })

  it('let an import downwards and within a feature pass', () => {
    const source =
      "import { a } from '../jwt/parse-jwt.js'\nimport { b } from './key-set.js'\nimport { c } from 'jose'\n"
    expect(importsOf(house('jwks/jwks-client.ts', source))).toHaveLength(3)
    expect(upwardImports(house('jwks/jwks-client.ts', source))).toEqual([])
  })

  it('find a circle, also one of types, and a function that is too long', () => {
    const circle = new Map([
      ['jwt/a.ts', "import type { B } from './b.js'"],
      ['jwt/b.ts', "import { c } from './c.js'"],
      ['jwt/c.ts', "import { a } from './a.js'"],
    ])
    expect(circles(circle)).toEqual(['jwt/a.ts → jwt/b.ts → jwt/c.ts → jwt/a.ts'])
    expect(circles(house('jwt/a.ts', "import { b } from './b.js'"))).toEqual([])
    const body = (lines: number) => '  act()\n'.repeat(lines)
    expect(longFunctions(house('jwt/a.ts', `export async function long() {\n${body(39)}}\n`))).toEqual([
      'jwt/a.ts: long',
    ])
    expect(longFunctions(house('jwt/a.ts', `class A {\n  #long(): void {\n${body(39)}  }\n}\n`))).toEqual([
      'jwt/a.ts: #long',
    ])
    expect(longFunctions(house('jwt/a.ts', `function short() {\n${body(38)}}\n\nfunction other() {\n}\n`))).toEqual([])
  })

  it('find a package, a mention, a long file and a name that says nothing', () => {
    expect(importersOf(house('jwt/a.ts', "import { readFileSync } from 'node:fs'"), (to) => to === 'node:fs')).toEqual([
      'jwt/a.ts',
    ])
    expect(filesNaming(house('jwt/a.ts', 'const home = process.env.HOME'), 'process.env')).toEqual(['jwt/a.ts'])
    expect(filesNaming(house('jwt/a.ts', '/** Not process.env. */'), 'process.env')).toEqual([])
    expect(longFiles(house('jwt/a.ts', 'x\n'.repeat(MAX_LINES + 1)))).toEqual(['jwt/a.ts'])
    expect(longFiles(house('jwt/a.ts', 'x\n'.repeat(MAX_LINES)))).toEqual([])
    expect(unspeakingNames(house('jwt/utils.ts', ''))).toEqual(['jwt/utils.ts'])
    expect(unspeakingNames(house('jwt/jwt-helpers.ts', ''))).toEqual(['jwt/jwt-helpers.ts'])
    expect(unspeakingNames(house('shared/clock.ts', ''))).toEqual(['shared/clock.ts'])
  })
})
