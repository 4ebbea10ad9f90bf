import { readFileSync } from 'node:fs'
import { loadConfig } from '../../src/config/index.js'
import type { IdentityProviderOptions, JwtExchangeOptions } from '../../src/index.js'
import { EC_CERTIFICATE } from './certificates.js'
import { clientSecretOf, createDeploymentFile } from './deployment-file.js'
import { type ExchangeHost, startExchangeHost } from './exchange-host.js'
import { SAMPLES, type Sample } from './recipe-samples.js'

export const RECIPES = readFileSync('docs/identity-providers.md', 'utf8')
export const VENDORS = [
  'Okta',
  'Microsoft Entra ID',
  'Auth0',
  'Keycloak',
  'WSO2 Identity Server',
  'Google',
  'GitHub Actions',
  'GitLab CI',
  'Kubernetes',
  'AWS Cognito',
]
/** The section about callers that sign assertions themselves. */
export const OWN_KEY = 'A key of your own'
/** What a reader pastes recipes below. */
export const [HEAD = ''] = blocksOf(RECIPES)

export function sectionOf(vendor: string): string {
  return RECIPES.split(/^## /m).find((section) => section.startsWith(`${vendor}\n`)) ?? ''
}

export function blocksOf(text: string, language = 'toml'): string[] {
  const block = new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\`$`, 'gms')
  return [...text.matchAll(block)].map(([, code = '']) => code)
}

/** The options of a file with the head and this block. The files that it names are there. */
export function loadRecipe(block: string): JwtExchangeOptions {
  const file = createDeploymentFile()
  for (const [, name = ''] of block.matchAll(/"([\w-]+\.pem)"/g)) file.writeBeside(name, EC_CERTIFICATE)
  file.write(HEAD + block)
  try {
    return loadConfig(file.path, { env: { APP_SECRET: clientSecretOf('app') } })
  } finally {
    file.remove()
  }
}

/** The same identity provider, but for where its keys come from. */
export function startRecipe(block: string): Promise<ExchangeHost> {
  const { identityProviders = [], ...options } = loadRecipe(block)
  const {
    jwksUri: _,
    ca: _ca,
    bearerTokenFile: _file,
    certificates: _certificates,
    ...provider
  } = identityProviders[0] as IdentityProviderOptions
  return startExchangeHost({
    idp: { name: provider.name, alias: provider.alias ?? '' },
    identityProvider: provider,
    exchange: { clients: options.clients ?? [], subject: options.subject ?? 'raw' },
  })
}

/** Starts the host of a vendor's first block, and closes it whatever comes of it. */
export async function withRecipe<Result>(
  vendor: string,
  use: (host: ExchangeHost) => Promise<Result>,
): Promise<Result> {
  const host = await startRecipe(blocksOf(sectionOf(vendor))[0] ?? '')
  try {
    return await use(host)
  } finally {
    await host.close()
  }
}

export function sampleOf(vendor: string): Sample {
  const sample = SAMPLES.find((each) => each.vendor === vendor)
  if (sample === undefined) throw new Error(`no sample of ${vendor}`)
  return sample
}
