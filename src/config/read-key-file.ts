import { readFileSync, statSync } from 'node:fs'
import { resolve } from 'node:path'
import { fieldOf } from '../errors/field-of.js'
import { parseJson } from '../jwt/parse-json.js'
import { holdsPem, holdsPrivateKey } from '../jwt/pem.js'
import { formatPath } from '../option-checks/config-error.js'
import { findKeyTextSlip } from '../signing-keys/key-text.js'
import type { FileProblem } from './file-problem.js'
import type { TomlPath } from './toml-location.js'

export interface ReadKeyDeps {
  /** What the file names are relative to. */
  directory: string
  /** Collects problems, with paths as in the file. */
  problems: FileProblem[]
  /** Collects what is valid, but may not be meant. */
  notes: string[]
}

type ReadText = (text: string) => unknown

/** Options whose strings may name files of keys or certificates. */
const READERS: Readonly<Record<string, ReadText>> = {
  'accessToken.signingKeys': parseKeys,
  'identityProviders.ca': (text) => text,
  'identityProviders.introspection.ca': (text) => text,
  'identityProviders.certificates': (text) => text,
  'identityProviders.jwks': parseKeys,
  'clients.jwks': parseKeys,
  'clients.certificate.jwks': parseKeys,
  'clientCertificate.ca': (text) => text,
}
/** Anything else may be a secret in the wrong place, and is not repeated in a message. */
const FILE_NAME = /^[\w.,~ /\\:${}-]{1,100}$/

/** Whether the strings of an option may name files. */
export function mayNameFiles(option: string): boolean {
  return Object.hasOwn(READERS, option)
}

/**
 * The key or certificate that the value of such an option is, or that is in the file of this name.
 *
 * @param written how the value is written in the TOML file: what a variable holds may be a secret
 */
export function readKeyText(
  text: string,
  { written, path, option }: { written: string; path: TomlPath; option: string },
  deps: ReadKeyDeps,
): unknown {
  const read = READERS[option] ?? String
  if (!isKeyText(text)) return readNamedFile(text, written, path, read, deps)
  try {
    return read(text)
  } catch {
    const message = 'the text is neither JSON nor PEM; expected a JWK set, PEM text, or the name of a file'
    deps.problems.push({ code: 'invalid', path, message })
    return undefined
  }
}

/** A key or certificate itself, as from an environment variable, and not the name of a file. */
export function isKeyText(text: string): boolean {
  return /^\s*[{[]/.test(text) || holdsPem(text)
}

function readNamedFile(name: string, written: string, path: TomlPath, read: ReadText, deps: ReadKeyDeps): unknown {
  try {
    const text = readFileSync(resolve(deps.directory, name), 'utf8')
    if (isPrivate(text) && isReadableByAll(resolve(deps.directory, name))) {
      deps.notes.push(`${formatPath(path)}: every user of this machine can read the file with the private key`)
    }
    return read(text)
  } catch (error) {
    if (findKeyTextSlip(name) !== undefined) return name // The key itself: who reads it says what is wrong with it.
    const file = FILE_NAME.test(written) ? `the file "${written}"` : 'the file'
    const state = fieldOf(error, 'code') === 'ENOENT' ? 'does not exist' : 'cannot be read'
    const expected = `PEM text, or the name of a readable file, relative to ${deps.directory}`
    deps.problems.push({ code: 'unreadable', path, message: `${file} ${state}; expected ${expected}` })
    return name
  }
}

function isPrivate(text: string): boolean {
  return holdsPrivateKey(text) || /"d"\s*:/.test(text)
}

/** Windows has no such bits. */
function isReadableByAll(path: string): boolean {
  return process.platform !== 'win32' && (statSync(path).mode & 0o004) !== 0
}

/** Text of a private or public key file: PEM, or JSON with a JWK, a list of them, or a JWK set. */
function parseKeys(text: string): unknown {
  return holdsPem(text) ? text : parseJson(text)
}
