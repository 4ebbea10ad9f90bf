import { randomUUID } from 'node:crypto'
import { closeSync, openSync, readFileSync, rmSync, statSync, writeSync } from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { createFault } from '../errors/describe-fault.js'
import { fieldOf } from '../errors/field-of.js'

/** Milliseconds. A writer holds the lock for one, unless it was stopped. */
const STALE_AFTER = 5000
/** Milliseconds. */
const GIVE_UP_AFTER = 15_000

const LOCK = '.lock'
/** Held while a lock is removed that its owner has left. */
const REMOVAL = '.lock-removal'

/**
 * Runs a function that does not wait, while no other process writes to the directory. It is given a function that says
 * whether the lock is still its own: call that last before something is changed.
 *
 * A process that ends while it holds the lock leaves it behind. The next writer removes it: at once if the process is gone, and
 * otherwise after 5 seconds.
 */
export async function withWriteLock<Result>(directory: string, act: (isOwn: () => boolean) => Result): Promise<Result> {
  const path = join(directory, LOCK)
  const owner = `${process.pid} ${hostname()} ${randomUUID()}`
  const end = performance.now() + GIVE_UP_AFTER
  while (!create(path, owner)) {
    if (performance.now() > end) throw createFault('locked', `${path} is held by another process; remove it if not`)
    if (isLeft(path)) removeLeft(directory)
    else await pause(1 + Math.random() * 4)
  }
  const isOwn = () => read(path) === owner
  try {
    return act(isOwn)
  } finally {
    if (isOwn()) rmSync(path)
  }
}

/** @returns false if it exists */
function create(path: string, owner: string): boolean {
  let file: number
  try {
    file = openSync(path, 'wx', 0o600)
  } catch (error) {
    if (fieldOf(error, 'code') === 'EEXIST') return false
    throw error
  }
  try {
    writeSync(file, owner)
    return true
  } finally {
    closeSync(file)
  }
}

/** Only one process at a time looks again and removes it, so that none removes a lock that is new. */
function removeLeft(directory: string): void {
  const removal = join(directory, REMOVAL)
  if (isOld(removal)) rmSync(removal, { force: true })
  if (!create(removal, '')) return
  try {
    const path = join(directory, LOCK)
    if (isLeft(path)) rmSync(path, { force: true })
  } finally {
    rmSync(removal, { force: true })
  }
}

function isLeft(path: string): boolean {
  const [pid, host] = (read(path) ?? '').split(' ')
  const isOfGone = host === hostname() && Number(pid) !== process.pid && !isRunning(Number(pid))
  return isOfGone || isOld(path)
}

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch (error) {
    return fieldOf(error, 'code') === 'EPERM'
  }
}

function isOld(path: string): boolean {
  try {
    return Math.abs(Date.now() - statSync(path).mtimeMs) > STALE_AFTER
  } catch {
    return false
  }
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
}
