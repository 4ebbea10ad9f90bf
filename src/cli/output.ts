import { styleText } from 'node:util'
import { inOneLine } from '../errors/printable.js'
import type { CommandStreams } from './command.js'

export type Mark = 'good' | 'bad' | 'warning' | 'skipped'
export type Paint = (mark: Mark, text?: string) => string

const MARKS = { good: '✓', bad: '✗', warning: '!', skipped: '-' } as const
const COLOURS = { good: 'green', bad: 'red', warning: 'yellow', skipped: 'gray' } as const
const PLAIN_WORD = /^[\w./][\w./-]*$/

/** Marks, or texts: in colour on a terminal only, and not if `NO_COLOR` is set. */
export function createPaint({ stdout, env }: CommandStreams): Paint {
  const isColoured = stdout.isTTY === true && !env.NO_COLOR
  return (mark, text = MARKS[mark]) => (isColoured ? styleText(COLOURS[mark], text, { validateStream: false }) : text)
}

/** JSON that is safe on a terminal: JSON itself leaves most control and format characters as they are. */
export function toJson(value: unknown): string {
  const lines = JSON.stringify(value, null, 2).split('\n')
  return `${lines.map(inOneLine).join('\n')}\n`
}

/** `1 problem`, `2 problems`, `no problems`. */
export function countOf(count: number, noun: string): string {
  return `${count === 0 ? 'no' : count} ${noun}${count === 1 ? '' : 's'}`
}

/** A file name as one word of a shell command. */
export function shellWord(text: string): string {
  return PLAIN_WORD.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`
}
