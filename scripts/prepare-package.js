// Run by `npm pack` and `npm publish` after the build. It writes dist/types/: of all declarations in build/ only those that the
// entry points of package.json need, so that an editor offers no internal name.
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join, posix, relative, sep } from 'node:path'
import { fileURLToPath } from 'node:url'

const ROOT = fileURLToPath(new URL('../', import.meta.url))
const BUILD = join(ROOT, 'build')
const TYPES = join(ROOT, 'dist', 'types')

/** tsc indents the inside of a statement: only the first and last line begin at the margin. */
const STATEMENT_START = /^(?:import|export|declare|interface|type|class|enum)\b/
const DECLARATION = /^(?:export )?(?:declare )?(?:abstract )?(?:interface|type|class|function|const|enum) ([\w$]+)/
const IMPORT = /^import (?:type )?(?:([\w$]+)|\{(.*)\}) from ['"](.*)['"];$/
const RE_EXPORT = /^export (?:type )?\{(.*)\} from ['"](.*)['"];$/

removeStaleFiles(writePublicTypes())

function removeStaleFiles(written) {
  for (const path of filesIn(TYPES)) if (!written.has(path)) rmSync(join(TYPES, path), { force: true })
}

/** Changes only what is different, so that it may run while another process packs. */
function writePublicTypes() {
  const written = new Set()
  for (const [module, needed] of neededStatements(entryPoints())) {
    const names = new Set([...needed].flatMap(namesIn))
    const isNeeded = (statement) => needed.has(statement) || RE_EXPORT.test(codeOf(statement))
    const kept = module.statements.flatMap((statement) => {
      return IMPORT.test(codeOf(statement)) ? withUsedNames(statement, names) : isNeeded(statement) ? [statement] : []
    })
    written.add(module.path)
    write(join(TYPES, module.path), `${kept.join('\n')}\n`)
  }
  return written
}

function write(path, text) {
  if (existsSync(path) && readFileSync(path, 'utf8') === text) return
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, text)
}

/** The declaration files of the entry points, as paths in build/. */
function entryPoints() {
  const { exports } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'))
  const types = Object.values(exports).flatMap((target) => target.types ?? [])
  return types.map((path) => posix.relative('dist/types', posix.normalize(path)))
}

/** Of each module that the entry points lead to, the statements that a public name needs. */
function neededStatements(entries) {
  const modules = new Map()
  const needed = new Map()
  const moduleAt = (path) => {
    if (!modules.has(path)) modules.set(path, readModule(path))
    const module = modules.get(path)
    if (!needed.has(module)) needed.set(module, new Set())
    return module
  }
  const needName = (path, name) => {
    const module = moduleAt(path)
    const origin = module.reExports.get(name)
    const declared = module.declarations.get(name) ?? []
    if (origin !== undefined) needName(origin.path, origin.name)
    else if (declared.length === 0) throw new Error(`${path} declares no ${name}`)
    for (const statement of declared) needStatement(module, statement)
  }
  const needStatement = (module, statement) => {
    if (needed.get(module).has(statement)) return
    needed.get(module).add(statement)
    for (const name of namesIn(statement)) {
      const imported = module.imports.get(name)
      if (imported !== undefined) needName(imported.path, imported.name)
      else if (module.declarations.has(name)) needName(module.path, name)
    }
  }
  for (const path of entries) {
    const module = moduleAt(path)
    for (const statement of module.ambient) needStatement(module, statement)
    for (const name of [...module.reExports.keys(), ...module.declarations.keys()]) needName(path, name)
  }
  return needed
}

function readModule(path) {
  const statements = statementsOf(readFileSync(join(BUILD, path), 'utf8'))
  const module = { path, statements, imports: new Map(), reExports: new Map(), declarations: new Map(), ambient: [] }
  for (const statement of statements) {
    const code = codeOf(statement)
    const [, defaultImport, imported = '', importedFrom] = IMPORT.exec(code) ?? []
    const [, reExported = '', reExportedFrom] = RE_EXPORT.exec(code) ?? []
    const [, declared] = DECLARATION.exec(code) ?? []
    if (/\bimport\(/.test(code)) throw new Error(`${path}: write this type instead of having it inferred: ${code}`)
    addNames(module.imports, imported, posixPathOf(importedFrom, path))
    addNames(module.reExports, reExported, posixPathOf(reExportedFrom, path))
    if (declared !== undefined) addTo(module.declarations, declared, statement)
    else if (importedFrom === undefined && reExportedFrom === undefined) module.ambient.push(statement)
    if (defaultImport !== undefined && importedFrom.startsWith('.')) throw new Error(`${path}: import by name: ${code}`)
  }
  return module
}

/** Each with the comments before it. */
function statementsOf(text) {
  const statements = []
  const comments = []
  let isInComment = false
  for (const line of text.split('\n')) {
    isInComment ||= line.startsWith('/*')
    if (isInComment) comments.push(line)
    else if (STATEMENT_START.test(line)) statements.push([...comments.splice(0), line])
    else if (line !== '') statements.at(-1).push(line)
    if (line.endsWith('*/')) isInComment = false
  }
  return statements.map((lines) => lines.join('\n'))
}

/** @param path where the names come from; undefined for a package, whose names need nothing of ours */
function addNames(names, list, path) {
  if (path === undefined) return
  for (const { name, as } of namesOf(list)) names.set(as, { path, name })
}

function addTo(lists, key, member) {
  lists.set(key, [...(lists.get(key) ?? []), member])
}

function namesOf(list) {
  const names = list.split(',').map((each) => each.trim().replace(/^type /, ''))
  return names
    .filter((each) => each !== '')
    .map((each) => {
      const [name, as = name] = each.split(' as ')
      return { name, as }
    })
}

function posixPathOf(specifier, path) {
  if (!specifier?.startsWith('.')) return undefined
  return posix.join(posix.dirname(path), specifier).replace(/\.js$/, '.d.ts')
}

/** An import of those names that are used; none where none is. */
function withUsedNames(statement, used) {
  const [, defaultImport, list = ''] = IMPORT.exec(codeOf(statement))
  if (defaultImport !== undefined) return used.has(defaultImport) ? [statement] : []
  const kept = list.split(',').filter((each) => namesOf(each).some(({ as }) => used.has(as)))
  return kept.length === 0 ? [] : [statement.replace(/\{.*\}/, `{ ${kept.map((each) => each.trim()).join(', ')} }`)]
}

function namesIn(statement) {
  return codeOf(statement).match(/[A-Za-z_$][\w$]*/g)
}

function codeOf(statement) {
  return statement.replace(/\/\*.*?\*\//gs, '').trim()
}

function filesIn(directory) {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(directory, join(entry.parentPath, entry.name)).replaceAll(sep, '/'))
}
