import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
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
    writeFileSync(file, codeBlocks('docs/testing.md', 'js').join('\n'))
    const env = { ...process.env, NODE_OPTIONS: '' }
    const { stdout } = await promisify(execFile)(process.execPath, ['--test', '--test-reporter=tap', file], { env })
    expect(stdout).toMatch(/^# pass 4$/m)
    expect(stdout).toMatch(/^# fail 0$/m)
  })
})
