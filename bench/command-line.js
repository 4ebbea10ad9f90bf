import { parseArgs } from 'node:util'

/**
 * Which parts to run, and how many rounds of how many seconds, where that was said.
 *
 * @throws for what is not understood
 */
export function readCommandLine(parameters, knownParts) {
  const { values, positionals } = parseArgs({
    args: parameters,
    allowPositionals: true,
    options: { rounds: { type: 'string' }, seconds: { type: 'string' } },
  })
  const unknown = positionals.find((part) => !knownParts.includes(part))
  if (unknown !== undefined) throw new Error(`Unknown part: ${unknown}. Known: ${knownParts.join(', ')}`)
  return {
    parts: positionals.length > 0 ? positionals : knownParts,
    rounds: readPositive('rounds', values.rounds, Number.isInteger),
    seconds: readPositive('seconds', values.seconds, Number.isFinite),
  }
}

function readPositive(name, text, isOfItsKind) {
  if (text === undefined) return undefined
  const number = Number(text)
  if (number > 0 && isOfItsKind(number)) return number
  throw new Error(`--${name} must be a positive number, and not ${text}`)
}
