import { describeMigration } from './describe-migration.js'
import { OF_EXPRESS_JWT, ofOutages } from './differences.js'
import { OPTIONAL } from './request-cases.js'

describeMigration({
  section: 'express-jwt and jwks-rsa',
  differences: { ...OF_EXPRESS_JWT, ...ofOutages('500') },
  cases: OPTIONAL,
})
