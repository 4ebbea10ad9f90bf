// Run by `npm run build` after tsc. It bundles the page of the admin router into dist/admin-page: one script, one style sheet
// and the HTML that names them. The browser needs nothing else.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

const ROOT = fileURLToPath(new URL('../', import.meta.url))
const SOURCE = join(ROOT, 'src', 'admin-page')
const TARGET = join(ROOT, 'dist', 'admin-page')
/** The bundle has the code of this package, so it has its licence too. */
const BUNDLED = 'preact'

const { outputFiles } = await build({
  entryPoints: [join(SOURCE, 'page.tsx'), join(SOURCE, 'page.css')],
  outdir: TARGET,
  bundle: true,
  minify: true,
  write: false,
  charset: 'utf8',
  format: 'esm',
  target: 'es2022',
  tsconfig: join(SOURCE, 'tsconfig.json'),
  banner: { js: `/*! ${BUNDLED}\n${readFileSync(join(ROOT, 'node_modules', BUNDLED, 'LICENSE'), 'utf8').trim()}\n*/` },
})
mkdirSync(TARGET, { recursive: true })
for (const { path, text } of outputFiles) write(path, text)
write(join(TARGET, 'index.html'), readFileSync(join(SOURCE, 'index.html'), 'utf8'))

/** Changes only what is different, so that it may run while another process reads. */
function write(path, text) {
  if (existsSync(path) && readFileSync(path, 'utf8') === text) return
  writeFileSync(path, text)
}
