// Shows what this package and its peers answer in the same situations: node bench/compare-behaviour.js [--write | part of a row]
import { writeFileSync } from 'node:fs'
import { contenders } from './behaviour/contenders.js'
import { describeRun, formatResults } from './behaviour/format.js'
import { groups } from './behaviour/situations.js'
import { tryContender } from './behaviour/try-contender.js'

const RESULTS = new URL('behaviour.json', import.meta.url)
const WRITE = '--write'

/** By the names of contenders: one after the other, because a situation may set the clocks of the process. */
async function answersIn({ run, atOnce }) {
  const tried = []
  for (const contender of contenders) {
    const answer = tryContender(contender, run)
    tried.push([contender.name, atOnce ? answer : await answer])
  }
  const entries = await Promise.all(tried.map(async ([name, answer]) => [name, await answer]))
  return Object.fromEntries(entries)
}

async function rowsOf(situations, part) {
  const rows = []
  for (const situation of situations) {
    const { name } = situation
    if (name.includes(part)) rows.push({ situation: name, answers: await answersIn(situation) })
  }
  return rows
}

const [argument = ''] = process.argv.slice(2)
const results = { ...describeRun(contenders), groups: [] }
for (const { title, situations } of groups) {
  const rows = await rowsOf(situations, argument === WRITE ? '' : argument)
  if (rows.length > 0) results.groups.push({ title, rows })
}

console.log(formatResults(results))
if (argument === WRITE) writeFileSync(RESULTS, `${JSON.stringify(results, null, 2)}\n`)
