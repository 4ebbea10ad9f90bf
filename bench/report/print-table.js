/** Prints rows of text in columns: the first one to the left, the others to the right. */
export function printTable(heads, rows) {
  const widths = heads.map((head, column) => Math.max(head.length, ...rows.map((row) => row[column].length)))
  const pad = (text, column) => (column === 0 ? text.padEnd(widths[column]) : text.padStart(widths[column]))
  for (const row of [heads, widths.map((width) => '-'.repeat(width)), ...rows]) console.log(row.map(pad).join('  '))
}

export function wholeNumber(number) {
  return Math.round(number).toLocaleString('en-US')
}

export function perCent(share) {
  return `${Math.round(share * 100)} %`
}
