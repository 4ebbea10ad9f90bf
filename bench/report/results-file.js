import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { formatResults } from './format-results.js'
import { describeMachine } from './machine.js'

const RESULTS = new URL('../results.json', import.meta.url)

/** Puts what one part gave in place of what it gave before. Parts that were measured on another machine are dropped. */
export function writeResults(part, results) {
  const machine = describeMachine()
  const before = existsSync(RESULTS) ? JSON.parse(readFileSync(RESULTS, 'utf8')) : {}
  const isSameMachine = JSON.stringify(before.machine) === JSON.stringify(machine)
  const parts = { ...(isSameMachine && before.parts), [part]: { measuredAt: new Date().toISOString(), ...results } }
  writeFileSync(RESULTS, formatResults({ machine, parts }))
}
