const LINE_WIDTH = 120
const ROUNDED_TO = 1000

/** JSON with rounded numbers, laid out as the formatter of this repository has it. */
export function formatResults(results) {
  const json = JSON.stringify(results, roundNumber, 2)
  const layOut = (_all, indent, name, numbers) => layOutNumbers(indent, name, numbers.trim().split(/,\s+/))
  return `${json.replaceAll(/^( *)("\w+": )\[\n([\s\d.,e+-]+)\]/gm, layOut)}\n`
}

function roundNumber(_name, value) {
  return typeof value === 'number' ? Math.round(value * ROUNDED_TO) / ROUNDED_TO : value
}

/** On one line where it is not too long, or on as few as possible. */
function layOutNumbers(indent, name, numbers) {
  const oneLine = `${indent}${name}[${numbers.join(', ')}]`
  return oneLine.length < LINE_WIDTH ? oneLine : `${indent}${name}[\n${fillLines(`${indent}  `, numbers)}\n${indent}]`
}

function fillLines(indent, numbers) {
  const lines = [indent + numbers[0]]
  for (const number of numbers.slice(1)) {
    const longer = `${lines.at(-1)}, ${number}`
    if (longer.length < LINE_WIDTH) lines[lines.length - 1] = longer
    else lines.push(indent + number)
  }
  return lines.join(',\n')
}
