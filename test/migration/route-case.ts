import type { ReceivedResponse } from '../support/send-request.js'
import type { MigratingApp } from './migrating-app.js'

/** What is sent to an app, and what it is answered before and after, unless a library differs. */
export interface RouteCase {
  answer: string
  /** Sends it, and describes the answer by its status or another short text. */
  send(app: MigratingApp): Promise<string>
}

/** By what is sent, as the tables of docs/migration.md name it. */
export type RouteCases = Readonly<Record<string, RouteCase>>

export function statusOf({ status }: ReceivedResponse): string {
  return String(status)
}

/** The error of a challenge; its scheme if it names no error. */
export function challengeOf({ headers }: ReceivedResponse): string {
  const challenge = headers['www-authenticate']
  if (challenge === undefined) return 'no challenge'
  const [, error] = /\berror="(\w+)"/.exec(challenge) ?? []
  return `\`${error ?? challenge.split(' ')[0]}\``
}
