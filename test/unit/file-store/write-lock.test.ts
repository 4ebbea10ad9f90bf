import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync, utimesSync, writeFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { withWriteLock } from '../../../src/file-store/write-lock.js'
import { registrationOf, TestDirectory } from '../../support/registration-directory.js'

let directory: TestDirectory
beforeEach(() => {
  directory = new TestDirectory()
})
afterEach(() => directory.remove())

const lock = () => join(directory.path, '.lock')
const old = new Date(Date.now() - 60_000)

async function pidOfGone(): Promise<number> {
  const child = spawn(process.execPath, ['-e', ''])
  await once(child, 'exit')
  return child.pid ?? 0
}

describe('the lock of a directory', () => {
  it('is held while the function runs, and gone afterwards, also if it throws', async () => {
    const isHeld = () => readFileSync(lock(), 'utf8').startsWith(`${process.pid} ${hostname()} `)
    expect(await withWriteLock(directory.path, (isOwn) => [isHeld(), isOwn()])).toEqual([true, true])
    const thrown = withWriteLock(directory.path, () => {
      throw new Error('no')
    })
    await expect(thrown).rejects.toThrow('no')
    expect(directory.fileNames()).toEqual([])
  })

  it('is waited for while a living process holds it', async () => {
    const holder = spawn('sleep', ['60'])
    try {
      writeFileSync(lock(), `${holder.pid} ${hostname()} x`)
      let isWritten = false
      const put = directory
        .open()
        .put(registrationOf('acme'))
        .finally(() => {
          isWritten = true
        })
      await pause(300)
      expect(isWritten).toBe(false)
      holder.kill('SIGKILL')
      await once(holder, 'exit')
      await put
      expect(directory.fileNames()).toEqual(['acme.json'])
    } finally {
      holder.kill('SIGKILL')
    }
  })

  it.each<[string, () => Promise<string>]>([
    ['a process that is gone', async () => `${await pidOfGone()} ${hostname()} x`],
    ['a process of another host, long ago', async () => '1 other-host x'],
    ['a process with our number, long ago', async () => `${process.pid} ${hostname()} x`],
    ['a process that ended before it wrote its name, long ago', async () => ''],
  ])('is taken from %s', async (_, ownerOf) => {
    const owner = await ownerOf()
    writeFileSync(lock(), owner)
    if (!owner.endsWith(`${hostname()} x`) || owner.startsWith(`${process.pid} `)) utimesSync(lock(), old, old)
    await directory.open().put(registrationOf('acme'))
    expect(directory.fileNames()).toEqual(['acme.json'])
  })

  it('is taken although another process ended while it took it', async () => {
    writeFileSync(lock(), `${await pidOfGone()} ${hostname()} x`)
    writeFileSync(join(directory.path, '.lock-removal'), '')
    utimesSync(join(directory.path, '.lock-removal'), old, old)
    await directory.open().put(registrationOf('acme'))
    expect(directory.fileNames()).toEqual(['acme.json'])
  })

  it('is lost by who was stopped for long: nothing is written, and the lock of the other stays', async () => {
    const act = (isOwn: () => boolean) => {
      writeFileSync(lock(), '1 other-host x')
      return isOwn()
    }
    expect(await withWriteLock(directory.path, act)).toBe(false)
    expect(existsSync(lock())).toBe(true)
  })
})

describe('what a crash leaves', () => {
  it('is not read, and is removed when it is a minute old', async () => {
    for (const name of ['.write-old.tmp', '.write-new.tmp']) directory.write(name, registrationOf('half'))
    utimesSync(join(directory.path, '.write-old.tmp'), old, old)
    const store = directory.open()
    expect(await store.list()).toEqual([])
    expect(directory.fileNames()).toHaveLength(2)
    await store.put(registrationOf('acme'))
    expect(directory.fileNames()).toEqual(['.write-new.tmp', 'acme.json'])
  })
})
