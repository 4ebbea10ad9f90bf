import { availableParallelism, cpus } from 'node:os'

export function describeMachine() {
  return { cpu: cpus()[0]?.model.trim() ?? 'unknown', cores: availableParallelism(), node: process.version }
}
