import { randomBytes } from 'node:crypto'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'

/** Code of documents, run as it is. */
export interface DocumentSnippets {
  directory: string
  /** What a snippet exports, and what it keeps for itself under these names. Variables of the environment are replaced. */
  run(code: string, env: Readonly<Record<string, string>>, ...names: string[]): Promise<Record<string, unknown>>
  /** The path of the same as a module, for another process. */
  write(code: string, env: Readonly<Record<string, string>>, ...names: string[]): string
  remove(): void
}

export function createDocumentSnippets(): DocumentSnippets {
  // Inside the package, so that its name resolves to itself.
  mkdirSync('example-app/dist', { recursive: true })
  const directory = mkdtempSync('example-app/dist/snippets-')
  const write: DocumentSnippets['write'] = (code, env, ...names) => {
    const path = join(directory, `${randomBytes(6).toString('hex')}.mjs`)
    const exported = names.length > 0 ? `export { ${names.join(', ')} }\n` : ''
    const withEnv = Object.entries(env).reduce(
      (text, [name, value]) => text.replaceAll(`process.env.${name}`, JSON.stringify(value)),
      code,
    )
    writeFileSync(path, withEnv + exported)
    return path
  }
  return {
    directory,
    write,
    run: (...snippet) => import(pathToFileURL(write(...snippet)).href),
    remove: () => rmSync(directory, { recursive: true }),
  }
}
