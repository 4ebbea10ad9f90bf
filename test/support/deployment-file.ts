import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { AUDIENCE, ISSUER } from './exchange-host.js'

/** A `deployment.toml` in a directory of its own, for the files that it names. */
export interface DeploymentFile {
  directory: string
  path: string
  write(toml: string): void
  /** Writes another file beside it and returns the path of that. */
  writeBeside(name: string, text: string): string
  remove(): void
}

export function createDeploymentFile(): DeploymentFile {
  const directory = mkdtempSync(join(tmpdir(), 'deployment-file-'))
  const writeBeside = (name: string, text: string) => {
    const path = join(directory, name)
    writeFileSync(path, text)
    return path
  }
  return {
    directory,
    path: join(directory, 'deployment.toml'),
    write: (toml) => void writeBeside('deployment.toml', toml),
    writeBeside,
    remove: () => rmSync(directory, { recursive: true }),
  }
}

/** Who the service is, and a client with these scopes: tables of identity providers are to follow. */
export function deploymentOf(scopes: readonly string[] = ['openid'], more = ''): string {
  return `issuer = "${ISSUER}"
${more}[access_token]
audience = "${AUDIENCE}"
${clientTable('app', scopes)}`
}

/** A client; without scopes those of the identity provider bound it. */
export function clientTable(clientId: string, scopes?: readonly string[]): string {
  return `[[client]]
client_id = "${clientId}"
client_secret = "${clientSecretOf(clientId)}"
${scopes === undefined ? '' : `scopes = ${JSON.stringify(scopes)}\n`}`
}

export function clientSecretOf(clientId: string): string {
  return `the secret of ${clientId} in the tests`
}
