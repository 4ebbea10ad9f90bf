import { readFileSync } from 'node:fs'

/** When, and with which versions. */
export function describeRun(contenders) {
  const packages = [...new Set(contenders.flatMap((contender) => contender.packages))].sort()
  const versions = Object.fromEntries(packages.map((name) => [name, versionOf(`node_modules/${name}`)]))
  return {
    date: new Date().toISOString().slice(0, 10),
    node: process.versions.node,
    versions: { 'express-jwt-exchange': versionOf('..'), ...versions },
  }
}

function versionOf(folder) {
  return JSON.parse(readFileSync(new URL(`../${folder}/package.json`, import.meta.url), 'utf8')).version
}

/** All tables, in Markdown. */
export function formatResults(results) {
  const tables = results.groups.map(formatGroup)
  return [describeVersions(results), ...tables].join('\n\n')
}

export function describeVersions({ date, node, versions }) {
  const named = Object.entries(versions).map(([name, version]) => `${name} ${version}`)
  return `${date} with Node ${node}: ${named.join(', ')}`
}

export function formatGroup({ title, rows }) {
  const contenders = Object.keys(rows[0].answers)
  const table = [
    [' ', ...contenders],
    Array.from({ length: contenders.length + 1 }, () => '---'),
    ...rows.map(({ situation, answers }) => [situation, ...Object.values(answers)]),
  ]
  return [`## ${title}`, '', ...table.map((cells) => `| ${cells.join(' | ')} |`)].join('\n')
}
