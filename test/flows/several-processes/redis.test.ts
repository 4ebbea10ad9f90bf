import { describeWithRedisServer } from '../../support/services.js'
import { startSharedRedis } from '../../support/shared-redis.js'
import { describeSeveralProcesses } from './races-and-outages.js'

describeWithRedisServer('several processes with one Redis', () => {
  describeSeveralProcesses(startSharedRedis, ['CLIENT PAUSE', 'kill -9 and restart', 'all connections closed'])
})
