import { spawnSync } from 'node:child_process'
import { availableParallelism } from 'node:os'

/** A load generator needs a core that no server has. */
export const SERVER_CORE = 0
export const GENERATOR_CORE = 1

const canPin = spawnSync('taskset', ['--version']).status === 0

/** Whether processes stay on the core that they are given. */
export function isPinned(core) {
  return core !== undefined && canPin && core < availableParallelism()
}

/** The command that runs another one on one core; that one itself where nothing can be pinned. */
export function pinned(core, command) {
  return isPinned(core) ? ['taskset', '-c', String(core), ...command] : command
}

/** Moves this process with all its threads to one core. */
export function pinThisProcess(core) {
  if (isPinned(core)) spawnSync('taskset', ['-acp', String(core), String(process.pid)])
}
