import { fork } from 'node:child_process'
import { once } from 'node:events'

/** oidc-provider in a process of its own. */
export interface OidcProvider {
  issuer: string
  /** An access token of its client for a resource. For a host that begins with `permissions.`, it is as Auth0 issues them. */
  accessToken(resource: string, scope: string): Promise<string>
  end(): Promise<void>
}

const CLIENT = ['app', 'app-secret-of-the-tests'] as const

export async function startOidcProvider(): Promise<OidcProvider> {
  const child = fork('test/support/oidc-provider-process.js', CLIENT, { execArgv: [], silent: true })
  const [issuer] = (await once(child, 'message')) as [string]
  const authorization = `Basic ${Buffer.from(CLIENT.join(':')).toString('base64')}`
  return {
    issuer,
    accessToken: async (resource, scope) => {
      const body = new URLSearchParams({ grant_type: 'client_credentials', resource, scope })
      const response = await fetch(`${issuer}/token`, { method: 'POST', headers: { authorization }, body })
      const { access_token: accessToken } = (await response.json()) as { access_token?: string }
      if (accessToken === undefined) throw new Error(`oidc-provider answers ${response.status}`)
      return accessToken
    },
    end: async () => {
      const ended = once(child, 'exit')
      child.kill()
      await ended
    },
  }
}
