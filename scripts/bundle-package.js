// Run by `npm run build` after tsc. It bundles what tsc has compiled to build/ into dist/, which is packed: a file for each entry
// point, and some for what these share or load later. Node takes longer to open hundreds of files than to run what is in them.
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join, posix, relative, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import { rollup } from 'rollup'

const ROOT = fileURLToPath(new URL('../', import.meta.url))
const SOURCE = join(ROOT, 'build')
const TARGET = join(ROOT, 'dist')
/** The start of the command line, and the commands that need no exchange. */
const SMALL_COMMANDS = ['cli/main.js', 'cli/init-command.js', 'cli/keygen-command.js']

const bundle = await rollup({
  input: Object.fromEntries(entryPoints().map((path) => [path.replace(/\.js$/, ''), join(SOURCE, path)])),
  external: (specifier) => /^[\w@]/.test(specifier),
  // As "sideEffects" in package.json says.
  treeshake: { moduleSideEffects: false },
  logLevel: 'warn',
  onwarn(warning) {
    if (warning.code !== 'EMPTY_BUNDLE') throw new Error(warning.message) // ./augment has types only.
  },
})
const { output } = await bundle.generate({
  format: 'es',
  chunkFileNames: 'shared/[name].js',
  manualChunks: (path, { getModuleInfo }) => sharedFileOf(path, getModuleInfo),
  onlyExplicitManualChunks: true,
  hoistTransitiveImports: false,
  // So that dist/ has the names of src.
  minifyInternalExports: false,
})
await bundle.close()
for (const { fileName, code } of output) {
  checkDepth(fileName, code)
  write(join(TARGET, fileName), code)
}
removeStaleFiles(new Set(output.map(({ fileName }) => fileName)))

/**
 * What is loaded with the main entry point is in one file, because most other entry points need it, too. What the small commands
 * need of that is in another one, so that `--help` and `keygen` load no exchange.
 */
function sharedFileOf(path, getModuleInfo) {
  const isLoadedWith = (start) => loadedWith(join(SOURCE, start), getModuleInfo).has(path)
  if (!isLoadedWith('index.js')) return undefined
  return SMALL_COMMANDS.some(isLoadedWith) ? 'basics' : 'exchange'
}

/** A module, and all that are loaded at once with it. */
function loadedWith(start, getModuleInfo) {
  const loaded = new Set([start])
  for (const path of loaded) for (const imported of getModuleInfo(path).importedIds) loaded.add(imported)
  return loaded
}

/** As paths in dist/, and in build/. */
function entryPoints() {
  const { exports, bin } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'))
  const targets = [...Object.values(exports).flatMap((target) => target.default ?? []), ...Object.values(bin)]
  return targets.map((path) => posix.relative('dist', posix.normalize(path)))
}

/** Code that uses `import.meta.url` finds the root two folders above itself, as in a folder of src. So it must also be in one of dist. */
function checkDepth(fileName, code) {
  if (code.includes('import.meta.url') && fileName.split('/').length !== 2) {
    throw new Error(`dist/${fileName} uses import.meta.url, and is not in a folder of dist`)
  }
}

/** Changes only what is different, so that it may run while another process reads. */
function write(path, text) {
  if (existsSync(path) && readFileSync(path, 'utf8') === text) return
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, text)
}

function removeStaleFiles(written) {
  const files = readdirSync(TARGET, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())
  for (const { parentPath, name } of files) {
    const path = relative(TARGET, join(parentPath, name)).replaceAll(sep, '/')
    const isOurs = !path.startsWith('types/') && !path.startsWith('admin-page/')
    if (isOurs && !written.has(path)) rmSync(join(TARGET, path), { force: true })
  }
}
