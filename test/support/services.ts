import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { connect } from 'node:net'
import { describe } from '@jest/globals'

export const REDIS_URL = process.env.REDIS_URL ?? 'redis://127.0.0.1:6379'
export const DATABASE_URL = process.env.DATABASE_URL ?? 'postgres://postgres@127.0.0.1:5432/test'
const CHROMIUM_PATHS = ['/usr/bin/chromium-headless-shell', '/usr/bin/chromium']
/** Debian's, unless the variable names another one. The package without windows takes two thirds of the time of the whole one. */
export const CHROMIUM = process.env.CHROMIUM ?? CHROMIUM_PATHS.find((path) => existsSync(path)) ?? '/usr/bin/chromium'

/** Suites that need a service are skipped where it is not there; with REQUIRE_SERVICES=1 they run, and fail. */
export const describeWithRedis = describeWhere(await answers(REDIS_URL))
export const describeWithPostgres = describeWhere(await answers(DATABASE_URL))
/** Where a Redis of our own can be started, paused and killed. */
export const describeWithRedisServer = describeWhere(hasRedisServer())
export const describeWithChromium = describeWhere(existsSync(CHROMIUM))

function describeWhere(isThere: boolean): typeof describe | typeof describe.skip {
  return isThere || process.env.REQUIRE_SERVICES === '1' ? describe : describe.skip
}

function answers(url: string): Promise<boolean> {
  const { hostname, port, protocol } = new URL(url)
  const usualPort = protocol.startsWith('postgres') ? 5432 : 6379
  return new Promise((resolve) => {
    const socket = connect(Number(port) || usualPort, hostname)
    const settle = (isThere: boolean) => {
      socket.destroy()
      resolve(isThere)
    }
    socket.setTimeout(1000, () => settle(false))
    socket.once('connect', () => settle(true))
    socket.once('error', () => settle(false))
  })
}

function hasRedisServer(): boolean {
  try {
    execFileSync('redis-server', ['--version'], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}
