import { describeMigration } from './describe-migration.js'
import { OF_JSONWEBTOKEN, ofOutages } from './differences.js'

describeMigration({
  section: 'passport-jwt and jwks-rsa',
  differences: { ...OF_JSONWEBTOKEN, ...ofOutages('401') },
})
