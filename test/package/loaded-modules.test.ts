import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { describe, expect, it } from '@jest/globals'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))
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

/** Of these, what stands in node_modules. */
async function loadedPackages(program: string): Promise<Set<string>> {
  return new Set((await loadedModules(program)).match(/(?<=\/node_modules\/)(?:@[^/]+\/)?[^/\n]+/g))
}

const CREATE = `
import { createJwtExchange, generateSigningKey } from 'express-jwt-exchange'
const exchange = createJwtExchange({
  issuer: 'https://api.example.com',
  identityProviders: [{ name: 'https://idp.example.com', allowedSubjects: 'any', jwksUri: 'https://idp.example.com/jwks' }],
  clients: [{ clientId: 'app', clientSecret: 'a secret of the tests', scopes: [] }],
  accessToken: { audience: 'https://api.example.com', signingKeys: [generateSigningKey(ALGORITHM)] },
})
`

describe('the package', () => {
  it('loads the packages that it needs at once, and no other', async () => {
    const needed = ['express', 'body-parser', 'passport-custom']
    // From Node 22.12 on, the hook sees some packages that Express requires, too.
    const withTheirs = await loadedPackages(needed.map((name) => `import '${name}'`).join('\n'))
    const packages = await loadedPackages(CREATE.replace('ALGORITHM', "'ES256'"))
    expect(packages).toEqual(withTheirs)
    for (const name of needed) expect(packages).toContain(name)
    for (const name of ['jose', 'passport', 'smol-toml']) expect(packages).not.toContain(name)
  })

  it('loads what explains when it is asked to', async () => {
    const create = CREATE.replace('ALGORITHM', "'ES256'")
    expect(await loadedModules(create)).not.toContain('/dist/explain/')
    expect(await loadedModules(`${create}await exchange.explain('x')`)).toContain('/dist/explain/')
  })

  it('loads the admin API when its subpath is imported, and what hardly any request needs only then', async () => {
    const create = CREATE.replace('ALGORITHM', "'ES256'")
    expect(await loadedModules(create)).not.toContain('/dist/admin/')
    const withAdmin = await loadedModules(`${create}
      const { createAdmin } = await import('express-jwt-exchange/admin')
      createAdmin(exchange, { authorize: () => true })`)
    expect(withAdmin).toContain('/dist/admin/create-admin.js')
    for (const later of ['openapi', 'import-format', 'import-wso2', 'discover-issuer']) {
      expect(withAdmin).not.toContain(`/dist/admin/${later}`)
    }
  })

  it('loads jose when the first slow signature is to be verified', async () => {
    const verifyOne = `
      const { isSignedBy } = await import('./dist/jwt/signatures.js')
      const { generateKeyPairSync } = await import('node:crypto')
      const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-384' })
      await isSignedBy(publicKey, { header: { alg: 'ES384' }, compact: 'a.b.c' })
    `
    expect(await loadedPackages(CREATE.replace('ALGORITHM', "'ES256'") + verifyOne)).toContain('jose')
  })
})
