import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import type {
  RegistrationChange,
  StoredRegistration,
} from '../../src/identity-provider-store/identity-provider-store.js'
import { DATABASE_URL } from './services.js'

/** A process with a store of its own. */
export interface RegisteringProcess {
  /** What its watch has reported so far. */
  changes: readonly (RegistrationChange | null)[]
  /** What it has written so far. */
  stored: readonly StoredRegistration[]
  /** @param message see registering-process.js */
  send(message: object): void
  /** Resolves as soon as this is so. */
  until(isSo: () => boolean): Promise<void>
  kill(): Promise<void>
}

export async function startRegisteringProcess(schema: string, application = 'test'): Promise<RegisteringProcess> {
  const child: ChildProcess = fork('test/support/registering-process.js', [DATABASE_URL, schema, application], {
    env: { ...process.env, NODE_OPTIONS: '' },
  })
  await once(child, 'message')
  const changes: (RegistrationChange | null)[] = []
  const stored: StoredRegistration[] = []
  child.on('message', (message: { change?: RegistrationChange | null; stored?: StoredRegistration }) => {
    if (message.change !== undefined) changes.push(message.change)
    if (message.stored !== undefined) stored.push(message.stored)
  })
  return {
    changes,
    stored,
    send: (message) => void child.send(message),
    until: async (isSo) => {
      while (!isSo()) await once(child, 'message')
    },
    kill: async () => {
      if (child.exitCode !== null || child.signalCode !== null) return
      const ended = once(child, 'exit')
      child.kill('SIGKILL')
      await ended
    },
  }
}

/**
 * Changes a registration in one of two processes, in turns.
 *
 * @returns for each change, the milliseconds until the other process has reported it
 */
export async function measureReports(schema: string, rounds: number): Promise<number[]> {
  const processes = await Promise.all([startRegisteringProcess(schema), startRegisteringProcess(schema)])
  const times: number[] = []
  try {
    for (let round = 0; round < rounds; round += 1) {
      const [here, there] = round % 2 === 0 ? processes : processes.toReversed()
      if (here === undefined || there === undefined) throw new Error('there are two processes')
      const enabled = round % 4 < 2
      const before = performance.now()
      here.send({ put: { id: 'a', name: 'https://a.example', discovery: true, allowedSubjects: 'any', enabled } })
      await here.until(() => here.stored.length > Math.floor(round / 2))
      const revision = here.stored.at(-1)?.revision
      await there.until(() => there.changes.some((change) => change?.revision === revision))
      times.push(performance.now() - before)
    }
    return times
  } finally {
    for (const each of processes) await each.kill()
  }
}
