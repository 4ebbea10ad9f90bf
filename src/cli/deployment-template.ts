/** The environment variables in the template, in their order there. */
export const TEMPLATE_VARIABLES = [
  'ISSUER',
  'AUDIENCE',
  'IDP_ISSUER',
  'IDP_JWKS_URI',
  'ALLOWED_SUBJECT',
  'APP_SECRET',
] as const

/** A deployment file to start with. `check` accepts it as soon as its variables are set. */
export const DEPLOYMENT_TEMPLATE = `# The options of express-jwt-exchange. Your app reads them with loadConfig of express-jwt-exchange/config.
# \${NAME} is an environment variable that must be set. You may also write its value here instead.

# Your service: the "iss" of its access tokens, such as https://api.example.com/oauth2
issuer = "\${ISSUER}"

[access_token]
# The "aud" of its access tokens, such as https://api.example.com
audience = "\${AUDIENCE}"
# The key that signs them. Make one with: npx express-jwt-exchange keygen keys.json
# Without it, access tokens become invalid when the process ends.
# signing_keys = "keys.json"
# lifetime = 3600   # seconds

# An identity provider that you trust. Repeat this table for each one.
[[identity_provider]]
# The "iss" of its assertions, exactly.
name = "\${IDP_ISSUER}"
# The https URL of its key set.
jwks_uri = "\${IDP_JWKS_URI}"
# The "sub" of each assertion that is accepted. A * stands for any text: ["ci-*"].
# Write a pattern here: a * in the value of a variable is an ordinary character.
allowed_subjects = ["\${ALLOWED_SUBJECT}"]
# The "aud" that its assertions must have. Default: {issuer}/token
# alias = "https://api.example.com/oauth2/token"

# A caller of your token endpoint. Repeat this table for each one.
[[client]]
client_id = "app"
# Or a key pair, a certificate or the token of a platform instead of the secret: docs/clients.md.
client_secret = "\${APP_SECRET}"
# The scopes that it may obtain.
scopes = ["orders:read"]

# Several processes need one replay store and the same signing keys. See docs/stores.md.
# [replay]
# store = "redis"
# url = "\${REDIS_URL}"
`
