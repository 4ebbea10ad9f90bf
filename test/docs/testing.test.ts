import { execFile } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { runInNewContext } from 'node:vm'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { codeBlocks } from '../support/document-code.js'

let directory: string
beforeAll(() => {
  // Inside the package, so that its name resolves to itself.
  directory = mkdtempSync('example-app/dist/testing-')
})
afterAll(() => rmSync(directory, { recursive: true }))

describe('docs/testing.md', () => {
  it('has tests that pass', async () => {
    const file = join(directory, 'app.test.mjs')
    writeFileSync(file, codeBlocks('docs/testing.md', 'js')[0] ?? '')
    const env = { ...process.env, NODE_OPTIONS: '' }
    const { stdout } = await promisify(execFile)(process.execPath, ['--test', '--test-reporter=tap', file], { env })
    expect(stdout).toMatch(/^# pass 4$/m)
    expect(stdout).toMatch(/^# fail 0$/m)
  })
  it('has a pattern for Jest that lets it compile this package and its ES modules, installed by npm or pnpm', () => {
    const [config = ''] = codeBlocks('docs/testing.md', 'js', 'Test runners')
    const { transformIgnorePatterns } = runInNewContext(`const module = {}; ${config}; module.exports`)
    const isIgnored = (path: string) => new RegExp(transformIgnorePatterns[0]).test(path)
    const layouts = (name: string) => [
      `/app/node_modules/${name}/dist/index.js`,
      `/app/node_modules/.pnpm/${name}@1.2.3/node_modules/${name}/dist/index.js`,
      `/app/node_modules/.pnpm/${name}@1.2.3_express@5.3.0/node_modules/${name}/dist/index.js`,
    ]
    const { name, dependencies } = readPackage('package.json')
    const isEsModule = (each: string) => readPackage(`node_modules/${each}/package.json`).type === 'module'
    for (const compiled of [name, ...Object.keys(dependencies).filter(isEsModule)]) {
      expect(layouts(compiled).filter(isIgnored)).toEqual([])
    }
    for (const other of ['express', 'joser', 'lodash']) expect(layouts(other).filter(isIgnored)).toHaveLength(3)
  })
})

function readPackage(path: string): { name: string; type?: string; dependencies: Record<string, string> } {
  return JSON.parse(readFileSync(path, 'utf8'))
}
