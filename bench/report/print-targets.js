import { printTable } from './print-table.js'

const WORDS = new Map([
  [true, 'met'],
  [false, 'MISSED'],
  [undefined, 'not measured'],
])

export function printTargets(targets) {
  console.log('')
  printTable(
    ['target', 'required', 'measured', ''],
    targets.map(({ text, wanted, value, isMet }) => [text, wanted, formatValue(value), WORDS.get(isMet)]),
  )
}

function formatValue(value) {
  if (value === undefined) return '–'
  return value < 10 && !Number.isInteger(value) ? value.toFixed(2) : value.toFixed(0)
}
