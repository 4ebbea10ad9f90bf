import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { generateSigningKey } from '../../src/index.js'
import type { FakeIdentityProvider } from '../../src/testing/index.js'

export const APP_MAIN = join(process.cwd(), 'example-app/dist/main.js')
/** Arguments of Node with which a process tells its memory. */
export const WITH_MEMORY = ['--expose-gc', '--import', pathToFileURL('test/support/report-memory.js').href]
export const APP_CLIENT = { clientId: 'app', clientSecret: 's3cret-of-the-tests' }
export const APP_TOKEN_ENDPOINT = 'https://api.example.com/oauth2/token'

/** The example app in a process of its own. */
export interface AppProcess {
  child: ChildProcess
  /** All that it has printed so far. */
  output(): string
  /** Its first URL. */
  url: string
  /** What it uses after a garbage collection, in bytes; for a process that was started `WITH_MEMORY`. */
  memory(): Promise<NodeJS.MemoryUsage>
  /** Resolves with the exit code, or null after a signal. */
  end(signal?: NodeJS.Signals): Promise<number | null>
}

/** Starts the example app and resolves as soon as it has printed this text. */
export async function startApp(
  until: string,
  env: Readonly<Record<string, string>>,
  nodeArguments: readonly string[] = [],
): Promise<AppProcess> {
  const temporary = mkdtempSync(join(tmpdir(), 'example-app-'))
  const child = spawn(process.execPath, [...nodeArguments, APP_MAIN], {
    env: { ...process.env, PORT: '0', NODE_OPTIONS: '', TMPDIR: temporary, ...env },
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  })
  child.once('exit', () => rmSync(temporary, { recursive: true, force: true })) // Also after SIGKILL.
  let output = ''
  await new Promise<void>((resolve, reject) => {
    const read = (chunk: Buffer) => {
      output += chunk.toString()
      if (output.includes(until)) resolve()
    }
    child.stdout?.on('data', read)
    child.stderr?.on('data', read)
    child.once('exit', () => reject(new Error(`it ended too early: ${output}`)))
  })
  return {
    child,
    output: () => output,
    url: /https?:\/\/[\w.]+:\d+/.exec(output)?.[0] ?? '',
    memory: async () => {
      child.send('memory')
      return (await once(child, 'message'))[0]
    },
    end: async (signal = 'SIGKILL') => {
      if (child.exitCode !== null || child.signalCode !== null) return child.exitCode
      const ended = once(child, 'exit')
      child.kill(signal)
      return (await ended)[0]
    },
  }
}

/** A deployment.toml for one identity provider, with a signing key beside it. */
export interface AppConfig {
  path: string
  /** Replaces the signing keys; the first one signs. The app reads them after a SIGHUP. */
  writeSigningKeys(keys: readonly object[]): void
  remove(): void
}

/**
 * @param replay the lines of its table `[replay]`
 * @param more other tables
 */
export function writeAppConfig(
  idp: FakeIdentityProvider,
  replay = '',
  more = '',
  issuer = 'https://api.example.com/oauth2',
): AppConfig {
  const directory = mkdtempSync(join(tmpdir(), 'example-app-'))
  const path = join(directory, 'deployment.toml')
  const writeSigningKeys = (keys: readonly object[]) => {
    writeFileSync(join(directory, 'new-keys.json'), JSON.stringify({ keys }))
    renameSync(join(directory, 'new-keys.json'), join(directory, 'keys.json'))
  }
  writeSigningKeys([generateSigningKey()])
  writeFileSync(
    path,
    `issuer = "${issuer}"
[access_token]
audience = "https://api.example.com"
signing_keys = "keys.json"
[[identity_provider]]
name = "${idp.name}"
jwks_uri = "${idp.jwksUri}"
allowed_subjects = "any"
[[client]]
client_id = "${APP_CLIENT.clientId}"
client_secret = "\${APP_SECRET}"
scopes = ["openid", "orders:read"]
[replay]
${replay}
${more}
`,
  )
  return { path, writeSigningKeys, remove: () => rmSync(directory, { recursive: true }) }
}

/** The example app on such a file. */
export function startAppOn(
  config: AppConfig,
  nodeArguments: readonly string[] = [],
  env: Readonly<Record<string, string>> = {},
): Promise<AppProcess> {
  const ofConfig = { CONFIG: config.path, APP_SECRET: APP_CLIENT.clientSecret }
  return startApp('Listening on', { ...ofConfig, ...env }, nodeArguments)
}
