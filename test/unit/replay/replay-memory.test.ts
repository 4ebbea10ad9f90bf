import { execFile } from 'node:child_process'
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { describe, expect, it } from '@jest/globals'
import { systemClock } from '../../../src/clock/clock.js'
import { memoryOfProcess, ReplayMemory, ReplayRoom } from '../../../src/replay/replay-memory.js'
import { AdjustableClock } from '../../support/adjustable-clock.js'

const later = () => Math.floor(Date.now() / 1000) + 300

describe('the memory of the process', () => {
  it('is shared by all exchanges with the same clock, and is another memory for another clock', () => {
    const clock = new AdjustableClock()
    expect(memoryOfProcess(systemClock)).toBe(memoryOfProcess(systemClock))
    expect(memoryOfProcess(clock)).toBe(memoryOfProcess(clock))
    expect(memoryOfProcess(clock)).not.toBe(memoryOfProcess(new AdjustableClock()))
    expect(memoryOfProcess(clock)).not.toBe(memoryOfProcess(systemClock))
  })

  it('knows in each room the entries of all others, and counts each in the room that made it', () => {
    const [first, second] = [
      new ReplayRoom(memoryOfProcess(systemClock), 2),
      new ReplayRoom(memoryOfProcess(systemClock), 1),
    ]
    expect([first.markUsed('a', later()), second.markUsed('a', later()), second.markUsed('b', later())]).toEqual([
      true,
      false,
      true,
    ])
    expect(() => second.markUsed('c', later())).toThrow('replay_store_full')
    expect([first.markUsed('c', later()), first.size, second.size]).toEqual([true, 2, 1])
  })

  it('is full for all when it holds as much as a Map can, even if the rooms allow more', () => {
    const clock = new AdjustableClock()
    const memory = new ReplayMemory(clock, 3)
    const rooms = [new ReplayRoom(memory, 10), new ReplayRoom(memory, 10)]
    const [first, second] = rooms
    for (const key of ['a', 'b']) first?.markUsed(key, clock.now() + 10)
    expect(second?.markUsed('c', clock.now() + 10)).toBe(true)
    for (const room of rooms) expect(() => room.markUsed('d', clock.now() + 10)).toThrow('replay_store_full')
    clock.advance(10)
    expect(second?.markUsed('d', clock.now() + 10)).toBe(true)
  })

  it('gives a room back its expired entries, even if another room finds them', () => {
    const clock = new AdjustableClock()
    const [first, second] = [new ReplayRoom(memoryOfProcess(clock), 5), new ReplayRoom(memoryOfProcess(clock), 5)]
    for (const key of ['a', 'b', 'c', 'd', 'e']) first.markUsed(key, clock.now() + 10)
    clock.advance(10)
    for (const key of ['f', 'g', 'h', 'i', 'j']) second.markUsed(key, clock.now() + 10)
    expect([first.size, second.size]).toEqual([0, 5])
  })

  it('cannot be replaced, and is not listed among the names of the global object', () => {
    memoryOfProcess(systemClock)
    const key = Symbol.for('express-jwt-exchange.replay-memory.2')
    expect(Object.getOwnPropertyDescriptor(globalThis, key)).toMatchObject({
      enumerable: false,
      writable: false,
      configurable: false,
    })
  })

  it('is shared by two copies of the package in one process, imported or required', async () => {
    // Inside the package, so that the names of packages resolve.
    const directory = mkdtempSync('example-app/dist/copies-')
    try {
      for (const copy of ['one', 'two']) cpSync('build', join(directory, copy), { recursive: true })
      const program = `
import { createRequire } from 'node:module'
const load = (copy, file) => import('./' + copy + '/' + file)
const roomOf = ({ ReplayRoom, memoryOfProcess }, { systemClock }) =>
  new ReplayRoom(memoryOfProcess(systemClock), 10)
const FILES = ['replay/replay-memory.js', 'clock/clock.js']
const one = roomOf(...(await Promise.all(FILES.map((file) => load('one', file)))))
const two = roomOf(...FILES.map((file) => createRequire(import.meta.url)('./two/' + file)))
const until = Math.floor(Date.now() / 1000) + 300
console.log(JSON.stringify([one.markUsed('a', until), two.markUsed('a', until), two.markUsed('b', until), one.markUsed('b', until)]))
`
      writeFileSync(join(directory, 'main.mjs'), program)
      const env = { ...process.env, NODE_OPTIONS: '--disable-warning=ExperimentalWarning' }
      const { stdout } = await promisify(execFile)(process.execPath, [join(directory, 'main.mjs')], { env })
      expect(JSON.parse(stdout)).toEqual([true, false, true, false])
    } finally {
      rmSync(directory, { recursive: true })
    }
  })
})
