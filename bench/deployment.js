/** What every contender is deployed with: who it is, whom it trusts, and which client it knows. */
export const issuer = 'https://api.example.com/oauth2'
export const audience = 'https://api.example.com'
export const tokenPath = '/oauth2/token'
export const keySetPath = '/oauth2/jwks'
export const routePath = '/orders'
export const tokenEndpoint = 'https://api.example.com/oauth2/token'
export const identityProviderName = 'https://idp.example.com'
export const subject = 'alice'
export const grantType = 'urn:ietf:params:oauth:grant-type:jwt-bearer'
export const client = { clientId: 'app', clientSecret: 'app-secret-of-the-story', scopes: ['openid', 'orders:read'] }
export const scope = client.scopes.join(' ')
/** Seconds. */
export const accessTokenLifetime = 3600
/** HTTP Basic, as the load generator and the checks send it. */
export const clientAuthorization = `Basic ${Buffer.from(`${client.clientId}:${client.clientSecret}`).toString('base64')}`
/** The content type of a token request, and all of its form but the assertion. */
export const formType = 'application/x-www-form-urlencoded'
export const formBeforeAssertion = `grant_type=${encodeURIComponent(grantType)}&assertion=`
export const introspectionPath = '/oauth2/introspect'
/** An access token of a server whose tokens say nothing. */
export const opaqueToken = 'an-opaque-access-token-of-the-benchmark-000'
