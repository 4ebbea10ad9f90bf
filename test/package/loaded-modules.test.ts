import { execFile } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))
const directory = mkdtempSync(join(tmpdir(), 'loaded-modules-'))
afterAll(() => rmSync(directory, { recursive: true }))

/** Writes the address of each ES module and each CommonJS one that is loaded. */
const TELL = `
import { register } from 'node:module'
const hooks = "import { writeSync } from 'node:fs'; export async function load(url, context, next) { writeSync(1, url + '\\\\n'); return next(url, context) }"
register('data:text/javascript,' + encodeURIComponent(hooks))
`
const PRELOAD = `data:text/javascript,${encodeURIComponent(TELL)}`

/** The addresses of what is loaded by a program that imports the built package. */
async function loadedModules(program: string): Promise<string> {
  const parameters = ['--import', PRELOAD, '--input-type=module', '-e', program]
  const env = { ...process.env, NODE_OPTIONS: '' }
  const { stdout } = await promisify(execFile)(process.execPath, parameters, { cwd: ROOT, env })
  return stdout
}

/** Of these, what is in node_modules. */
function packagesIn(addresses: string): Set<string> {
  return new Set(addresses.match(/(?<=\/node_modules\/)(?:@[^/]+\/)?[^/\n]+/g))
}

/** What a host may do one after another; a mark after each. */
const STEPS = {
  create: `
    const { createJwtExchange, generateSigningKey } = await import('express-jwt-exchange')
    globalThis.exchange = createJwtExchange({
      issuer: 'https://api.example.com',
      identityProviders: [{ name: 'https://idp.example.com', allowedSubjects: 'any', jwksUri: 'https://idp.example.com/jwks' }],
      clients: [{ clientId: 'app', clientSecret: 'a secret of the tests', scopes: [] }],
      accessToken: { audience: 'https://api.example.com', signingKeys: [generateSigningKey('ES256')] },
    })`,
  explain: "await exchange.explain('x')",
  createAdmin: `
    const { createAdmin } = await import('express-jwt-exchange/admin')
    createAdmin(exchange, { authorize: () => true })`,
  verify: `
    const { isSignedBy } = await import('./build/jwt/signatures.js')
    const { generateKeyPairSync } = await import('node:crypto')
    const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-384' })
    await isSignedBy(publicKey, { header: { alg: 'ES384' }, compact: 'a.b.c' })`,
}
const MARK = 'the end of a step'

/** The addresses of what each of the steps loads, in one process. */
async function loadedBySteps(): Promise<Record<keyof typeof STEPS, string>> {
  const program = Object.values(STEPS).map((step) => `{${step}\n}\nwriteSync(1, '${MARK}')`)
  const loaded = await loadedModules(["import { writeSync } from 'node:fs'", ...program].join('\n'))
  const [create = '', explain = '', createAdmin = '', verify = '', ...rest] = loaded.split(MARK)
  expect(rest).toEqual([''])
  return { create, explain, createAdmin, verify }
}

describe('the package', () => {
  let loaded: Awaited<ReturnType<typeof loadedBySteps>>
  beforeAll(async () => {
    loaded = await loadedBySteps()
  })

  it('loads the packages that it needs at once, and no other', async () => {
    const needed = ['body-parser', 'passport-custom']
    // From Node 22.12 on, the hook sees some packages that they require, too.
    const withTheirs = packagesIn(await loadedModules(needed.map((name) => `import '${name}'`).join('\n')))
    const packages = packagesIn(loaded.create)
    expect(packages).toEqual(withTheirs)
    for (const name of needed) expect(packages).toContain(name)
    for (const name of ['express', 'jose', 'passport', 'smol-toml']) expect(packages).not.toContain(name)
  })

  it('opens only three files of its own for an exchange, because each file takes Node time', () => {
    const ours = loaded.create.match(/(?<=\/dist\/).+/g)
    expect(ours?.sort()).toEqual(['index.js', 'shared/basics.js', 'shared/exchange.js'])
  })

  it.each([['--help'], ['keygen', join(directory, 'keys.json')], ['init', join(directory, 'deployment.toml')]])(
    'loads no exchange and no other package for the command %s',
    async (...parameters) => {
      const written = JSON.stringify(['x', ...parameters])
      const loaded = await loadedModules(`process.argv.splice(1, 1, ...${written}); await import('./dist/cli/main.js')`)
      expect(loaded).toContain(parameters[0] === '--help' ? 'Usage:' : `/dist/shared/${parameters[0]}-command.js`)
      expect(loaded).toContain('/dist/shared/basics.js')
      expect(loaded).not.toContain('/dist/shared/exchange.js')
      expect(packagesIn(loaded).size).toBe(0)
    },
  )

  it('loads what explains when it is asked to', () => {
    expect(loaded.create).not.toContain('/dist/shared/explain-')
    expect(loaded.explain).toContain('/dist/shared/explain-')
  })

  it('loads the admin API when its subpath is imported, and what hardly any request needs only then', () => {
    expect(`${loaded.create}${loaded.explain}`).not.toContain('/dist/admin/')
    expect(loaded.createAdmin).toContain('/dist/admin/create-admin.js')
    for (const later of ['openapi', 'import-format', 'discover-issuer']) {
      expect(existsSync(`dist/shared/${later}.js`)).toBe(true)
      expect(loaded.createAdmin).not.toContain(`/dist/shared/${later}`)
    }
  })

  it('loads jose when the first slow signature is to be verified', () => {
    expect(packagesIn(`${loaded.create}${loaded.explain}${loaded.createAdmin}`)).not.toContain('jose')
    expect(packagesIn(loaded.verify)).toContain('jose')
  })
})
