import { execFile } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

export const ROOT = fileURLToPath(new URL('../../', import.meta.url))
/** The packages that are installed here. */
export const INSTALLED = join(ROOT, 'node_modules')
export const TSC = join(INSTALLED, 'typescript', 'bin', 'tsc')
export const DEPENDENCIES = ['body-parser', 'jose', 'passport-custom', 'smol-toml']

/** The packed tarball, and projects that have installed it without a network. */
export interface PackedPackage {
  /** The unpacked tarball. */
  directory: string
  /**
   * A project that has installed the package and these others: its name there → the name under which it is here.
   *
   * @returns its directory
   */
  createHost(name: string, packages: Readonly<Record<string, string>>, dependencies?: readonly string[]): string
  remove(): void
}

/** @param isBuilt whether to pack the code as it was compiled before the tests, instead of compiling it again */
export async function packPackage({ isBuilt = false } = {}): Promise<PackedPackage> {
  const directory = mkdtempSync(join(tmpdir(), 'express-jwt-exchange-'))
  if (isBuilt) await run(process.execPath, ['scripts/prepare-package.js'], ROOT)
  await run('npm', ['pack', ...(isBuilt ? ['--ignore-scripts'] : []), '--pack-destination', directory], ROOT)
  const [tarball = ''] = readdirSync(directory)
  await run('tar', ['-xzf', tarball], directory)
  const unpacked = join(directory, 'package')
  return {
    directory: unpacked,
    createHost(name, packages, dependencies = DEPENDENCIES) {
      const modules = join(directory, name, 'node_modules')
      mkdirSync(modules, { recursive: true })
      cpSync(unpacked, join(modules, 'express-jwt-exchange'), { recursive: true })
      const wanted = { ...Object.fromEntries(dependencies.map((each) => [each, each])), ...packages }
      for (const [as, from] of Object.entries(wanted)) {
        mkdirSync(dirname(join(modules, as)), { recursive: true })
        symlinkSync(join(INSTALLED, from), join(modules, as), 'junction')
      }
      return join(directory, name)
    },
    remove: () => rmSync(directory, { recursive: true }),
  }
}

/** What a command prints; fails with all of it unless the command succeeds. */
export async function run(command: string, args: readonly string[], cwd: string): Promise<string> {
  const env = { ...process.env, NODE_OPTIONS: '' }
  try {
    const { stdout } = await promisify(execFile)(command, args, { cwd, env })
    return stdout
  } catch (error) {
    const { stdout, stderr } = error as { stdout?: string; stderr?: string }
    throw new Error(`${command} ${args.join(' ')}\n${stdout}${stderr}`, { cause: error })
  }
}

/** Copied and not linked, so that it sees the packages of the host and not ours. */
export function copyInto(host: string, packageName: string): void {
  const target = join(host, 'node_modules', packageName)
  mkdirSync(dirname(target), { recursive: true })
  cpSync(join(INSTALLED, packageName), target, { recursive: true, dereference: true })
}

export function write(host: string, file: string, text: string): string {
  writeFileSync(join(host, file), text)
  return file
}
