import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { afterAll } from '@jest/globals'
import { findFreePort } from './free-port.js'
import { sendRedisCommand } from './send-redis-command.js'

/** A Redis of our own, which a test may fill, pause and kill. */
export interface RedisServer {
  url: string
  port: number
  /** Kills it, and resolves when it is gone. */
  stop(): Promise<void>
  /** On the same port, in the same directory, with the same arguments. */
  restart(): Promise<void>
  /** Sends a command. Resolves with what redis-cli would print; rejects if the answer is an error. */
  cli(...command: string[]): Promise<string>
}

export interface RedisServerOptions {
  /** Of redis-server. Default: nothing is written to the disk. */
  args?: readonly string[]
  port?: number
}

/** What stays after a stop, for a restart to find, goes with the test file. */
const leftovers: (() => Promise<void>)[] = []
afterAll(async () => {
  for (const remove of leftovers) await remove()
})

export async function startRedisServer(options: RedisServerOptions = {}): Promise<RedisServer> {
  const port = options.port ?? (await findFreePort())
  const directory = mkdtempSync(join(tmpdir(), 'redis-server-'))
  const listen = ['--port', `${port}`, '--bind', '127.0.0.1', '--dir', directory]
  const args = [...listen, '--save', '', '--appendonly', 'no', ...(options.args ?? [])]
  let child: ChildProcess | undefined

  const cli = (...command: string[]) => sendRedisCommand(port, command)
  const stop = async () => {
    if (child === undefined || hasEnded(child)) return
    const ended = once(child, 'exit')
    child.kill('SIGKILL')
    await ended
  }
  const start = async () => {
    child = await spawnServer(args, async () => (await cli('PING')) === 'PONG')
  }

  leftovers.push(async () => {
    await stop()
    rmSync(directory, { recursive: true })
  })
  await start()
  return {
    url: `redis://127.0.0.1:${port}`,
    port,
    stop,
    restart: async () => {
      await stop()
      await start()
    },
    cli,
  }
}

/** Resolves when it answers. */
async function spawnServer(args: readonly string[], answers: () => Promise<boolean>): Promise<ChildProcess> {
  const child = spawn('redis-server', args, { stdio: ['ignore', 'pipe', 'ignore'] })
  let output = ''
  child.stdout.on('data', (chunk: Buffer) => {
    output += chunk.toString()
  })
  while (!(await answers().catch(() => false))) {
    if (hasEnded(child)) throw new Error(`redis-server ended: ${output}`)
    await pause(20)
  }
  return child
}

function hasEnded(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null
}
