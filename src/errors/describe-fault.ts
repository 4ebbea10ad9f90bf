import { fieldOf } from './field-of.js'
import { printable } from './printable.js'

const ONE_WORD = /^[\w.-]{1,60}$/
/** Errors of Redis have their code at the start of the message. */
const REDIS_ERROR_NAMES = /^(?:ReplyError|ErrorReply|SimpleError|BlobError)$/
const MAX_OPTIONS_NAMED = 3

/**
 * The name and code of an error, and the option names of a ConfigError. Never its message, which may hold a secret such as a
 * password in a URL.
 */
export function describeFault(thrown: unknown): string {
  const words = [fieldOf(thrown, 'name'), codeOf(thrown), ...optionsOf(thrown)].filter(isOneWord)
  return words.length === 0 ? 'unknown error' : words.join(' ')
}

/** An error of ours with a code for `describeFault`. */
export function createFault(code: string, message: string = code): Error {
  return Object.assign(new Error(message), { code })
}

function codeOf(thrown: unknown): unknown {
  const codes = [fieldOf(thrown, 'code'), fieldOf(fieldOf(thrown, 'cause'), 'code'), redisCodeOf(thrown)]
  return codes.map((code) => (typeof code === 'number' ? String(code) : code)).find(isOneWord)
}

function redisCodeOf(thrown: unknown): unknown {
  const [name, message] = [fieldOf(thrown, 'name'), fieldOf(thrown, 'message')]
  if (typeof name !== 'string' || !REDIS_ERROR_NAMES.test(name) || typeof message !== 'string') return undefined
  return /^[A-Z]{2,30}(?= )/.exec(message)?.[0]
}

function optionsOf(thrown: unknown): unknown[] {
  const problems = fieldOf(thrown, 'name') === 'ConfigError' ? fieldOf(thrown, 'problems') : undefined
  if (!Array.isArray(problems)) return []
  return problems.slice(0, MAX_OPTIONS_NAMED).map((problem) => {
    const path = fieldOf(problem, 'path')
    return Array.isArray(path) ? printable(path.join('.').replace('()', '')) : undefined
  })
}

function isOneWord(word: unknown): word is string {
  return typeof word === 'string' && ONE_WORD.test(word)
}
