import { fork } from 'node:child_process'
import { once } from 'node:events'
import { pathToFileURL } from 'node:url'

/** A process that hosts apps. Its clocks can be set ahead. */
export interface AppHost {
  /** @param module the path of a module that exports `app` */
  start(module: string): Promise<HostedApp>
  end(): Promise<void>
}

export interface HostedApp {
  url: string
  /** Sets the clocks of the process ahead. Its timers stay as they are. */
  pass(seconds: number): Promise<void>
  close(): Promise<void>
}

interface Reply {
  result?: unknown
  error?: string
}

export async function startAppHost(): Promise<AppHost> {
  const child = fork('test/migration/app-host-process.js', {
    execArgv: [],
    env: { PATH: process.env.PATH, NODE_ENV: 'test' },
  })
  await once(child, 'message')
  const ask = async (action: string, parameters: object): Promise<unknown> => {
    const replied = once(child, 'message')
    child.send({ action, ...parameters })
    const [{ result, error }]: [Reply] = (await replied) as [Reply]
    if (error !== undefined) throw new Error(error)
    return result
  }
  return {
    start: async (module) => {
      const port = await ask('start', { module: pathToFileURL(module).href })
      return {
        url: `http://127.0.0.1:${port}`,
        pass: async (seconds) => void (await ask('setClocks', { ahead: seconds })),
        close: async () => void (await ask('stop', { port })),
      }
    },
    end: async () => {
      const ended = once(child, 'exit')
      child.kill()
      await ended
    },
  }
}
