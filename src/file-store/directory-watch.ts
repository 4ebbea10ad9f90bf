import { type FSWatcher, watch } from 'node:fs'
import { stat } from 'node:fs/promises'
import type { RegistrationDirectory } from './registration-directory.js'
import { isRegistrationFile } from './registration-file.js'

/** `isNew`: the look before has not failed. */
type OnFault = (error: unknown, isNew: boolean) => void

/** A scan takes at most this part of the time, even if there are very many files. */
const MAX_SHARE = 0.2

/**
 * Keeps what is known of a directory up to date: by the reports of the operating system, and by looking at each file from
 * time to time, because these reports may be missing, for example on network file systems.
 */
export class DirectoryWatch {
  readonly #directory: RegistrationDirectory
  readonly #pollInterval: number
  readonly #onFault: OnFault
  readonly #reported = new Set<string>()
  #watcher: FSWatcher | undefined
  /** Of the directory that is watched: another one may get its name. */
  #inode: number | undefined
  #timer: NodeJS.Timeout | undefined
  #isStopped = false
  #isFailing = false

  constructor(directory: RegistrationDirectory, pollInterval: number, onFault: OnFault) {
    this.#directory = directory
    this.#pollInterval = pollInterval
    this.#onFault = onFault
  }

  /** Settles when each file was looked at. Never rejects: `onFault` gets what has failed. */
  async start(): Promise<void> {
    await this.#poll()
  }

  stop(): void {
    this.#isStopped = true
    clearTimeout(this.#timer)
    this.#closeWatcher()
  }

  async #poll(): Promise<void> {
    const startedAt = performance.now()
    try {
      await this.#openWatcher()
      await this.#directory.scan()
      this.#isFailing = false
    } catch (error) {
      if (!this.#isStopped) this.#fail(error)
    }
    if (this.#isStopped) return
    const pauseAfter = (performance.now() - startedAt) / MAX_SHARE
    this.#timer = setTimeout(() => void this.#poll(), Math.max(this.#pollInterval, pauseAfter)).unref()
  }

  /** Before the scan, so that no change is between the two. */
  async #openWatcher(): Promise<void> {
    const { ino } = await stat(this.#directory.path)
    if (this.#isStopped || (this.#watcher !== undefined && ino === this.#inode)) return
    this.#closeWatcher()
    this.#inode = ino
    try {
      const watcher = watch(this.#directory.path, { persistent: false }, (_, fileName) => this.#note(fileName))
      watcher.on('error', () => this.#closeWatcher())
      this.#watcher = watcher
    } catch {
      // Not on this file system, or too many watches: the polls see the changes as well.
    }
  }

  #fail(error: unknown): void {
    const isNew = !this.#isFailing
    this.#isFailing = true
    this.#onFault(error, isNew)
  }

  #closeWatcher(): void {
    this.#watcher?.close()
    this.#watcher = undefined
  }

  /** Reports come in bursts: those that arrive while others are looked at are looked at together. */
  #note(fileName: string | null): void {
    if (fileName === null) {
      this.#directory.scan().catch((error: unknown) => this.#fail(error))
      return
    }
    if (!isRegistrationFile(fileName)) return
    this.#reported.add(fileName)
    if (this.#reported.size === 1) {
      this.#directory.check(this.#takeReported()).catch((error: unknown) => this.#fail(error))
    }
  }

  /** When the turn has come. */
  *#takeReported(): Iterable<string> {
    const fileNames = [...this.#reported]
    this.#reported.clear()
    yield* fileNames
  }
}
