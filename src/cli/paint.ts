import { styleText } from 'node:util'
import type { CommandStreams } from './command.js'

export type Mark = 'good' | 'bad' | 'warning' | 'skipped'

const MARKS = { good: '✓', bad: '✗', warning: '!', skipped: '-' } as const
const COLOURS = { good: 'green', bad: 'red', warning: 'yellow', skipped: 'gray' } as const

export type Paint = (mark: Mark, text?: string) => string

/** Marks, or texts, in colour on a terminal only, and not where `NO_COLOR` is set. */
export function createPaint({ stdout, env }: CommandStreams): Paint {
  const isColoured = stdout.isTTY === true && !env.NO_COLOR
  return (mark, text = MARKS[mark]) => (isColoured ? styleText(COLOURS[mark], text, { validateStream: false }) : text)
}

/** `1 problem`, `2 problems`, `no problems`. */
export function countOf(count: number, noun: string): string {
  return `${count === 0 ? 'no' : count} ${noun}${count === 1 ? '' : 's'}`
}
