import type { RedisCommands } from './redis-client.js'

/**
 * A sentence for the operator if the server evicts what it has when its memory is full; undefined if it does not, or does not say.
 *
 * @param kept what would be lost, such as `entries`
 * @param consequence what would happen then
 */
export async function findEvictionRisk(
  commands: Pick<RedisCommands, 'info'>,
  kept: string,
  consequence: string,
): Promise<string | undefined> {
  const info = String(await commands.info('memory'))
  const [, policy = 'noeviction'] = /^maxmemory_policy:(.*?)\r?$/m.exec(info) ?? []
  if (policy === 'noeviction' || /^maxmemory:0\r?$/m.test(info)) return undefined
  return `Redis may evict ${kept} when its memory is full (maxmemory-policy ${policy}), and ${consequence}: set noeviction`
}
