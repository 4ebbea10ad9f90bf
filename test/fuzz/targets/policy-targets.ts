import { inOneLine, printable } from '../../../src/errors/printable.js'
import { parseScope } from '../../../src/oauth/scope.js'
import { parseClaimPath, readClaim, writeClaimPath } from '../../../src/policy/claim-path.js'
import { fillClaimTemplate, parseClaimTemplate } from '../../../src/policy/claim-template.js'
import { compileGlob } from '../../../src/policy/glob.js'
import { type FuzzTarget, hold, isSameJson } from '../fuzz-target.js'

const CLAIMS: Readonly<Record<string, unknown>> = {
  sub: 'alice',
  'kubernetes.io': { namespace: 'shop', pod: { name: 'cart-1' } },
  'https://example.com/roles': ['a', 'b'],
  realm_access: { roles: ['admin', 'user'] },
  '': { '': 'empty' },
  'a"b': { 'c\\d': 1 },
  ref: 'refs/heads/main',
}

/** Any text as the path of a claim, and as a template. */
export function claimPathTarget(): FuzzTarget {
  return {
    name: 'claim paths and templates',
    seeds: [
      'sub',
      '"kubernetes.io".namespace',
      '/realm_access/roles/0',
      'https://example.com/roles',
      '"a\\"b"."c\\\\d"',
      'ci|${claims.ref}|${claims.sub}',
    ],
    words: [
      '"',
      '\\',
      '.',
      '/',
      '~0',
      '~1',
      '~',
      '${claims.',
      '}',
      'roles',
      '0',
      'constructor',
      '__proto__',
      'length',
      'toString',
    ],
    check: (input) => {
      const text = input.toString('utf8')
      checkPath(text)
      checkTemplate(text)
      checkText(text)
    },
  }
}

/** `pattern LF text`. */
export function globTarget(): FuzzTarget {
  return {
    name: 'globs',
    seeds: ['repo:acme/*\nrepo:acme/shop', '*a*b*\nxxaxxbxx', '**\n', 'aaa*aab\naaaaab', 'x\nx'],
    words: ['*', '**', 'a', 'b', 'ab', 'aab', '\n'],
    check: (input) => {
      const [pattern = '', ...rest] = input.toString('latin1').split('\n')
      const text = rest.join('\n')
      const isMatch = compileGlob(pattern)(text)
      if (pattern.length * text.length > 20_000) return
      hold(isMatch === matchesByTable(pattern, text), 'a glob matches as by the definition')
    },
  }
}

function checkPath(text: string): void {
  const path = parseClaimPath(text)
  if (path === undefined) return
  hold(path.segments.length >= 1 && path.segments.length <= 32, 'a path has 1 to 32 segments')
  const claim = readClaim(CLAIMS, path)
  hold(typeof claim !== 'function', 'nothing that is inherited is a claim')
  hold(claim === undefined || isSameJson(claim, JSON.parse(JSON.stringify(claim))), 'a claim is JSON')
  const written = writeClaimPath(path.segments)
  if (written === undefined) return
  hold(isSameJson(parseClaimPath(written)?.segments, path.segments), 'a path that is written leads to the same place')
}

function checkTemplate(text: string): void {
  const template = parseClaimTemplate(text)
  if (template === undefined) return
  const filled = fillClaimTemplate(template, CLAIMS)
  hold(filled === undefined || filled.startsWith(template.head), 'a template begins as it is written')
}

function checkText(text: string): void {
  const shown = printable(text)
  hold(/^[\x20-\x7e]{0,200}$/.test(shown), 'what is printed is at most 200 characters of printable ASCII')
  hold(!/[\p{Cc}\p{Cf}]/u.test(inOneLine(text)), 'one line has no control characters')
  const scopes = parseScope(text)
  hold(scopes === undefined || isSameJson(parseScope(scopes.join(' ')), scopes), 'scopes are read as they are written')
}

/** By the definition: whether each beginning of the pattern matches each beginning of the text. */
function matchesByTable(pattern: string, text: string): boolean {
  let row = Array.from({ length: text.length + 1 }, (_, length) => length === 0)
  for (const unit of pattern.split('')) {
    const next = [unit === '*' && row[0] === true]
    for (let at = 1; at <= text.length; at += 1) {
      next.push(
        unit === '*' ? row[at] === true || next[at - 1] === true : row[at - 1] === true && text[at - 1] === unit,
      )
    }
    row = next
  }
  return row[text.length] === true
}
