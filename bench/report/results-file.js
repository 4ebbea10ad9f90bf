import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { formatResults } from './format-results.js'
import { describeMachine } from './machine.js'

const RESULTS = new URL('../results.json', import.meta.url)

/** Puts what one part gave in place of what it gave before, with the machine that it was measured on. */
export function writeResults(part, results) {
  const before = existsSync(RESULTS) ? JSON.parse(readFileSync(RESULTS, 'utf8')) : {}
  const measured = { measuredAt: new Date().toISOString(), machine: describeMachine(), ...results }
  writeFileSync(RESULTS, formatResults({ parts: { ...before.parts, [part]: measured } }))
}
