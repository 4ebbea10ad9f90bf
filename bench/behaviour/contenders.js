import { expressjwt } from 'express-jwt'
import { auth } from 'express-oauth2-jwt-bearer'
import { createVerifier } from 'fast-jwt'
import createGetJwks from 'get-jwks'
import { createRemoteJWKSet, jwtVerify } from 'jose'
import jwksRsa from 'jwks-rsa'
import passport from 'passport'
import { ExtractJwt, Strategy } from 'passport-jwt'
import { audience } from '../deployment.js'
import { bearerTokenOf } from '../servers/bearer-token.js'
import { ours } from './ours.js'

const algorithms = ['ES256']

/** A middleware of `verify`, which resolves for a good token. */
function authenticateBy(verify) {
  return (req, res, next) => {
    verify(bearerTokenOf(req)).then(
      () => next(),
      () => res.status(401).end(),
    )
  }
}

function createBearer({ issuer, jwksUri }, more) {
  return { authenticate: auth({ issuer, jwksUri, audience, ...more }) }
}

function createExpressJwt({ issuer, jwksUri }) {
  const secret = jwksRsa.expressJwtSecret({ jwksUri, cache: true, rateLimit: true })
  return { authenticate: expressjwt({ secret, issuer, audience, algorithms }) }
}

function createPassportJwt({ issuer, jwksUri }) {
  const authenticator = new passport.Passport()
  const options = {
    jwtFromRequest: ExtractJwt.fromAuthHeaderAsBearerToken(),
    secretOrKeyProvider: jwksRsa.passportJwtSecret({ jwksUri, cache: true, rateLimit: true }),
    issuer,
    audience,
    algorithms,
  }
  authenticator.use(new Strategy(options, (payload, done) => done(null, payload)))
  return { authenticate: authenticator.authenticate('jwt', { session: false }) }
}

function createFastJwt({ issuer, jwksUri }) {
  const { origin: domain, pathname: jwksPath } = new URL(jwksUri)
  const getJwks = createGetJwks({ jwksPath })
  const key = ({ header }) => getJwks.getPublicKey({ domain, alg: header.alg, kid: header.kid })
  const verify = createVerifier({ key, cache: true, algorithms, allowedIss: issuer, allowedAud: audience })
  return { authenticate: authenticateBy(verify) }
}

function createJose({ issuer, jwksUri }) {
  const keySet = createRemoteJWKSet(new URL(jwksUri))
  return { authenticate: authenticateBy((token) => jwtVerify(token, keySet, { issuer, audience, algorithms })) }
}

/** How each package protects a route, by its own documentation, with its defaults. `packages` are those that it needs. */
export const contenders = [
  ...ours,
  { name: 'express-oauth2-jwt-bearer', packages: ['express-oauth2-jwt-bearer'], create: (idp) => createBearer(idp) },
  {
    name: 'express-oauth2-jwt-bearer, strict',
    packages: ['express-oauth2-jwt-bearer'],
    create: (idp) => createBearer(idp, { strict: true }),
  },
  { name: 'express-jwt', packages: ['express-jwt', 'jwks-rsa'], create: createExpressJwt },
  { name: 'passport-jwt', packages: ['passport-jwt', 'jwks-rsa'], create: createPassportJwt },
  { name: 'fast-jwt, by hand', packages: ['fast-jwt', 'get-jwks'], create: createFastJwt },
  { name: 'jose, by hand', packages: ['jose'], create: createJose },
]
