import { execFile } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join, posix } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals'

jest.setTimeout(60_000)

/** The files of the package's subpaths. */
const ENTRY_POINTS: Readonly<Record<string, string>> = {
  'express-jwt-exchange': 'src/index.ts',
  'express-jwt-exchange/config': 'src/config/index.ts',
  'express-jwt-exchange/admin': 'src/admin/create-admin.ts',
  'express-jwt-exchange/metrics': 'src/metrics/index.ts',
  'express-jwt-exchange/file-store': 'src/file-store/index.ts',
  'express-jwt-exchange/testing': 'src/testing/index.ts',
  'express-jwt-exchange/redis': 'src/redis.ts',
  'express-jwt-exchange/postgres': 'src/postgres.ts',
}
/** Names of other packages that examples use. */
const OTHERS: Readonly<Record<string, string>> = {
  randomBytes: 'node:crypto',
  readFileSync: 'node:fs',
  writeFile: 'node:fs/promises',
  Pool: 'pg',
  createClient: 'redis',
}
/** What an example may use without having made it. */
const SURROUNDINGS = `
declare const app: import('express').Express
declare const exchange: import('express-jwt-exchange').JwtExchange
declare const options: import('express-jwt-exchange').JwtExchangeOptions
declare const assertion: string
declare const store: import('express-jwt-exchange').IdentityProviderStore
declare const tenants: { findByIssuer(name: string): Promise<{ id: string; subjects: string[] } | undefined> }
declare const pool: import('pg').Pool
declare const client: import('redis').RedisClientType
declare function test(name: string, run: () => Promise<void>): void
`
const DECLARATION = /^export (?:async )?(interface|type|class|function|const) (\w+)/gm

interface PublicName {
  name: string
  kind: string
  /** The subpath that exports it. */
  from: string
  /** Where it is declared, and the doc comment there. */
  file: string
  comment: string
}

function publicNames(): PublicName[] {
  return Object.entries(ENTRY_POINTS).flatMap(([from, entry]) => {
    const text = readFileSync(entry, 'utf8')
    const reExports = [...text.matchAll(/^export (?:type )?\{([^}]*)\} from '(.*)'/gm)].flatMap(
      ([, names = '', specifier = '']) => {
        const file = posix.join(posix.dirname(entry), specifier).replace(/\.js$/, '.ts')
        return names.split(',').map((written) => {
          const [declared = '', name = declared] = written
            .trim()
            .replace(/^type /, '')
            .split(' as ')
          return { name, declared, file }
        })
      },
    )
    const own = [...text.matchAll(DECLARATION)].map(([, , name = '']) => ({ name, declared: name, file: entry }))
    const named = [...reExports, ...own].filter(({ name }) => name !== '')
    return named.map(({ name, declared, file }) => ({ name, from, file, ...declarationOf(declared, file) }))
  })
}

function declarationOf(name: string, file: string): Pick<PublicName, 'kind' | 'comment'> {
  const text = readFileSync(file, 'utf8')
  const declared = [...text.matchAll(DECLARATION)].find(([, , found]) => found === name)
  const before = text.slice(0, declared?.index)
  const comment = before.endsWith('*/\n') ? before.slice(before.lastIndexOf('/**')) : ''
  return { kind: declared?.[1] ?? 'unknown', comment }
}

/** The code of each `@example` in these sources. */
function examplesIn(text: string): string[] {
  return [...text.matchAll(/^( *) \* @example\n((?:\1 \*(?! @).*\n)+)/gm)].map(([, , lines = '']) => {
    return lines
      .split('\n')
      .map((line) => line.replace(/^ *\*(?:\/| ?)/, ''))
      .join('\n')
      .trim()
  })
}

/** The example as a module that imports what it names. */
function moduleOf(example: string, names: readonly PublicName[]): string {
  const isUsed = (name: string) => new RegExp(`(?<![\\w.'])${name}\\b`).test(example)
  const ofPackage = new Map(names.toReversed().map(({ name, from }) => [name, from]))
  const imports = [...ofPackage, ...Object.entries(OTHERS)].filter(([name]) => isUsed(name))
  return [...imports.map(([name, from]) => `import { ${name} } from '${from}'`), example, 'export {}', ''].join('\n')
}

const NAMES = publicNames()
const SOURCES = [...new Set(NAMES.map(({ file }) => file))]
const EXAMPLES = SOURCES.flatMap((file) => examplesIn(readFileSync(file, 'utf8')).map((code) => ({ file, code })))

let directory: string
beforeAll(() => {
  mkdirSync('example-app/dist', { recursive: true })
  directory = mkdtempSync('example-app/dist/examples-')
})
afterAll(() => rmSync(directory, { recursive: true }))

describe('the public names', () => {
  it('are all found', () => {
    expect(NAMES.filter(({ kind }) => kind === 'unknown')).toEqual([])
    expect(NAMES.length).toBeGreaterThan(80)
  })

  it('have a doc comment, each of them', () => {
    expect(NAMES.filter(({ comment }) => comment === '').map(({ name, file }) => `${file}: ${name}`)).toEqual([])
  })

  it('have an example, each function, class and group of options', () => {
    const isError = (name: string) => /Error$|^TokenRejected$|^DependencyUnavailable$|^RevisionConflict$/.test(name)
    const wanted = NAMES.filter(({ kind, name }) => /function|class/.test(kind) || /Options$/.test(name))
    const without = wanted.filter(({ name, comment }) => !isError(name) && !comment.includes('@example'))
    expect(without.map(({ name, file }) => `${file}: ${name}`)).toEqual([])
  })
})

describe('the examples in doc comments', () => {
  it('compile', async () => {
    const files = EXAMPLES.map(({ file, code }, index) => {
      const name = `${index}-${posix.basename(file)}`
      writeFileSync(join(directory, name), moduleOf(code, NAMES))
      return name
    })
    writeFileSync(join(directory, 'surroundings.d.ts'), SURROUNDINGS)
    const paths = Object.entries(ENTRY_POINTS).map(([name, entry]) => [name, [`../../../${entry}`]])
    const compilerOptions = {
      ...{ target: 'es2023', lib: ['es2023', 'es2024.string'], module: 'nodenext', types: ['node'] },
      ...{ strict: true, exactOptionalPropertyTypes: true, noEmit: true, skipLibCheck: true },
      paths: Object.fromEntries(paths),
    }
    const config = { compilerOptions, files: [...files, 'surroundings.d.ts'] }
    writeFileSync(join(directory, 'tsconfig.json'), JSON.stringify(config))
    const tsc = promisify(execFile)(process.execPath, ['node_modules/typescript/bin/tsc', '-p', directory])
    expect(await tsc.catch(({ stdout }) => ({ stdout }))).toMatchObject({ stdout: '' })
    expect(files.length).toBeGreaterThan(35)
  })

  it('are found as they are written, and import what they name', () => {
    const source =
      '/**\n * Text.\n *\n * @example\n * const a = getAuth(req)\n * if (a) {\n *   b()\n * }\n *\n * @throws x\n */\n'
    expect(examplesIn(source)).toEqual(['const a = getAuth(req)\nif (a) {\n  b()\n}'])
    expect(examplesIn('/**\n * @example\n * a()\n */\n')).toEqual(['a()'])
    expect(moduleOf('getAuth(req)', NAMES)).toBe(
      "import { getAuth } from 'express-jwt-exchange'\ngetAuth(req)\nexport {}\n",
    )
  })
})
