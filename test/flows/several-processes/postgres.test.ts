import { describeWithPostgres } from '../../support/services.js'
import { createSharedDatabase } from '../../support/shared-database.js'
import { describeSeveralProcesses } from './races-and-outages.js'

describeWithPostgres('several processes with one PostgreSQL', () => {
  describeSeveralProcesses(createSharedDatabase, [
    'all backends terminated',
    'no connections allowed',
    'the table locked',
  ])
})
