import { describeMigration } from './describe-migration.js'
import { OF_BEARER, ofOutages } from './differences.js'
import { CLAIM_OF_ROUTE, OPTIONAL } from './request-cases.js'

describeMigration({
  section: 'express-oauth2-jwt-bearer',
  differences: { ...OF_BEARER, ...ofOutages('401') },
  cases: { ...OPTIONAL, ...CLAIM_OF_ROUTE },
})
