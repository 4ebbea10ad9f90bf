import { createReadStream } from 'node:fs'
import { fieldOf } from '../errors/field-of.js'
import { inOneLine } from '../errors/printable.js'
import { createJwtExchange } from '../exchange/jwt-exchange.js'
import type { ExplainedStep, Explanation } from '../explain/explanation.js'
import { type Command, type CommandStreams, Misuse } from './command.js'
import { countOf, createPaint, type Mark, type Paint, toJson } from './output.js'
import { readInput } from './read-input.js'
import { readOptions } from './read-options.js'

/** More than any assertion may have. */
const MAX_INPUT_BYTES = 2_097_152
/** A token, of any kind, instead of the name of a file: it is not repeated. */
const MAY_BE_TOKEN = /[\w+=-]{32,}/
const FINAL_LINE_BREAK = /\r?\n$/
const LINE_BREAK_REMOVED =
  'the input ends with a line break, which was removed here; the token endpoint would refuse it'
const MARK_OF: Readonly<Record<ExplainedStep['outcome'], Mark>> = { passed: 'good', failed: 'bad', skipped: 'skipped' }

/** Prints whether an assertion would be accepted, and why. */
export const explainCommand: Command = async (args, streams) => {
  const checked = readOptions(args, streams, { isAccepted: false })
  if (checked === undefined) return 'failed'
  const exchange = createJwtExchange(checked.options)
  const { client, scope, json, assertionPath } = args
  try {
    const { assertion, hadLineBreak } = withoutFinalLineBreak(await readAssertion(assertionPath, streams), streams)
    const request = { ...(client !== undefined && { clientId: client }), ...(scope !== undefined && { scope }) }
    const explanation = await exchange.explain(assertion, request)
    // Any other refusal comes first: the line break is noted only if nothing else is wrong.
    const notes = hadLineBreak && explanation.isAccepted ? [LINE_BREAK_REMOVED] : []
    streams.stdout.write(json ? toJson({ ...explanation, notes }) : render(explanation, notes, createPaint(streams)))
    return explanation.isAccepted ? 'ok' : 'failed'
  } finally {
    exchange.close()
  }
}

/**
 * Removes the one line break that files and pipes end with. Any other white space remains, because the token endpoint also
 * refuses an assertion with white space around it. On a terminal, the line break comes from the Enter key.
 */
function withoutFinalLineBreak(input: string, { stdin }: CommandStreams): { assertion: string; hadLineBreak: boolean } {
  const assertion = input.replace(FINAL_LINE_BREAK, '')
  return { assertion, hadLineBreak: assertion !== input && stdin.isTTY !== true }
}

async function readAssertion(path: string | undefined, { stdin, stderr }: CommandStreams): Promise<string> {
  if (path === undefined) {
    if (stdin.isTTY) stderr.write('Paste the assertion, then press Ctrl-D\n')
    return readInput(stdin, MAX_INPUT_BYTES)
  }
  try {
    return await readInput(createReadStream(path), MAX_INPUT_BYTES)
  } catch (error) {
    if (error instanceof Misuse) throw error
    const name = MAY_BE_TOKEN.test(path) ? '' : `${inOneLine(path)}: `
    throw new Misuse(
      `${name}the file cannot be read (${fieldOf(error, 'code')}); an assertion is read from a file or standard input, never from an argument`,
    )
  }
}

function render(
  { isAccepted, reason, steps, accessToken }: Explanation,
  notes: readonly string[],
  paint: Paint,
): string {
  const lines = steps.flatMap((step) => renderStep(step, paint))
  const isClientChecked = steps.some(({ step, outcome }) => step === 'client' && outcome !== 'skipped')
  const accepted = `accepted${isClientChecked ? '' : ', as far as can be checked without --client'}, unless it was used before`
  const verdict = isAccepted ? paint('good', accepted) : paint('bad', `refused: ${reason}`)
  const issued = accessToken === undefined ? [] : ['', 'The access token:', ...renderEntries(accessToken)]
  const noted = notes.map((note) => `${paint('warning')} ${note}`)
  return `${[verdict, ...issued, '', ...lines, '', ...noted, totalOf(steps)].join('\n')}\n`
}

function totalOf(steps: Explanation['steps']): string {
  const counts = (['passed', 'failed', 'skipped'] as const).map(
    (outcome) => `${steps.filter((step) => step.outcome === outcome).length} ${outcome}`,
  )
  return `${countOf(steps.length, 'step')}: ${counts.join(', ')}`
}

function renderStep({ step, outcome, reason, expected, found, hint }: ExplainedStep, paint: Paint): string[] {
  const mark = paint(MARK_OF[outcome])
  if (outcome !== 'failed') return [`${mark} ${step}: ${found}`]
  return [
    `${mark} ${step}: ${paint('bad', String(reason))}`,
    `    expected: ${expected}`,
    `    found:    ${found}`,
    ...(hint === undefined ? [] : [`    hint:     ${hint}`]),
  ]
}

function renderEntries(values: object): string[] {
  return Object.entries(values).map(([name, value]) => inOneLine(`  ${name}: ${JSON.stringify(value)}`))
}
