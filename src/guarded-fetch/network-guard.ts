import { type LookupAddress, lookup as systemLookup } from 'node:dns'
import { BlockList, isIP, type LookupFunction } from 'node:net'
import { fieldOf } from '../errors/field-of.js'
import { withoutBrackets } from '../option-checks/urls.js'

/** `public`: only addresses of the public internet; `any`: all addresses except those of cloud metadata services. */
export type Network = 'any' | 'public'

type Subnet = readonly [address: string, prefix: number]

/**
 * Where clouds hand credentials to whoever asks from inside: AWS, Google, Azure and others; ECS and EKS; Alibaba; Azure;
 * Tencent; Scaleway; Oracle.
 */
const METADATA_IPV4: readonly Subnet[] = [
  ['169.254.169.254', 32],
  ['169.254.170.2', 32],
  ['169.254.170.23', 32],
  ['100.100.100.200', 32],
  ['168.63.129.16', 32],
  ['169.254.0.23', 32],
  ['169.254.42.42', 32],
  ['192.0.0.192', 32],
]
const METADATA_IPV6: readonly Subnet[] = [
  ['fd00:ec2::254', 128],
  ['fd00:ec2::23', 128],
  ['fd20:ce::254', 128],
  ['fd00:c1::a9fe:a9fe', 128],
  ['fd00:a9fe:a9fe::1', 128],
  ['fd00:42::42', 128],
  ['fe80::a9fe:a9fe', 128],
  // Local NAT64 (RFC 8215) and IPv4-translated addresses (RFC 2765): the IPv4 address that they lead to is unknown.
  ['64:ff9b:1::', 48],
  ['::ffff:0:0:0', 96],
]

/** The special-purpose registries of RFC 6890, with multicast: what is not globally reachable. */
const PRIVATE_IPV4: readonly Subnet[] = [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.88.99.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 3],
]
/** Everything outside 2000::/3, but for NAT64, and in it what is tunnelled (Teredo, 6to4), for documentation or local. */
const PRIVATE_IPV6: readonly Subnet[] = [
  ['::', 8],
  ['100::', 8],
  ['200::', 7],
  ['400::', 6],
  ['800::', 5],
  ['1000::', 4],
  ['2001::', 23],
  ['2001:db8::', 32],
  ['2002::', 16],
  ['3fff::', 20],
  ['4000::', 2],
  ['8000::', 1],
]
/** How an IPv4 address is embedded in an IPv6 address: NAT64 (RFC 6052), IPv4-compatible, 6to4. */
const EMBEDDINGS: readonly ((ipv4: Subnet) => Subnet)[] = [
  ([address, prefix]) => [`64:ff9b::${address}`, 96 + prefix],
  ([address, prefix]) => [`::${address}`, 96 + prefix],
  ([address, prefix]) => [`2002:${hexadecimal(address)}::`, 16 + prefix],
]

const METADATA = blockListOf(METADATA_IPV4, METADATA_IPV6)
const NOT_PUBLIC = blockListOf([...PRIVATE_IPV4, ...METADATA_IPV4], METADATA_IPV6)
const OUTSIDE_GLOBAL_UNICAST = blockListOf([], PRIVATE_IPV6)
/** NAT64 and IPv4-mapped addresses: judged by the IPv4 address that they carry. */
const CARRIES_IPV4 = blockListOf(
  [],
  [
    ['64:ff9b::', 96],
    ['::ffff:0:0', 96],
  ],
)

/** Whether a connection to this address is allowed; a text that is not an address is not allowed. */
export function isAddressAllowed(address: string, network: Network): boolean {
  const bare = address.includes(':') ? address.replace(/%.*$/s, '') : address // Without the zone of a link-local one.
  const family = isIP(bare)
  if (family === 0) return false
  const type = family === 6 ? 'ipv6' : 'ipv4'
  if (METADATA.check(bare, type)) return false
  return network === 'any' || isPublic(bare, type)
}

function isPublic(address: string, type: 'ipv4' | 'ipv6'): boolean {
  if (NOT_PUBLIC.check(address, type)) return false
  return type === 'ipv4' || CARRIES_IPV4.check(address, type) || !OUTSIDE_GLOBAL_UNICAST.check(address, type)
}

/** Whether a URL's host is allowed, as far as that is known without resolving it: an address, or a name of this machine. */
export function isHostAllowed(hostname: string, network: Network): boolean {
  const host = withoutBrackets(hostname)
  if (isIP(host) !== 0) return isAddressAllowed(host, network)
  return network === 'any' || !/(?:^|\.)localhost\.?$/i.test(host)
}

/**
 * A lookup whose answers are checked. Addresses that are not allowed are left out, and if none is left it fails with the code
 * `EADDRNOTALLOWED`. The connection is made with a checked address, so that a name cannot be rebound in between.
 */
export function guardLookup(network: Network, lookup: LookupFunction = systemLookup): LookupFunction {
  return (hostname, options, callback) => {
    const answer: Parameters<LookupFunction>[2] = (error, found, family) => {
      if (error) return callback(error, found, family)
      const allowed = addressesOf(found).filter(({ address }) => isAddressAllowed(address, network))
      const [first] = allowed
      if (first === undefined) return callback(notAllowed(), '', 0)
      if (options.all === true) callback(null, allowed)
      else callback(null, first.address, first.family)
    }
    // A host's lookup may throw, or be an async function that rejects.
    const looking = async (): Promise<unknown> => lookup(hostname, options, answer)
    looking().catch((error: NodeJS.ErrnoException) => callback(error, '', 0))
  }
}

/** The addresses in an answer of a lookup, which may be anything. */
function addressesOf(found: unknown): LookupAddress[] {
  const answers: unknown[] = Array.isArray(found) ? found : [{ address: found }]
  return answers.flatMap((answer) => {
    const address = fieldOf(answer, 'address')
    return typeof address === 'string' ? [{ address, family: isIP(address) }] : []
  })
}

function notAllowed(): NodeJS.ErrnoException {
  return Object.assign(new Error('The name resolves to no address that is allowed'), { code: 'EADDRNOTALLOWED' })
}

function blockListOf(ipv4: readonly Subnet[], ipv6: readonly Subnet[]): BlockList {
  const list = new BlockList()
  for (const [address, prefix] of ipv4) list.addSubnet(address, prefix, 'ipv4')
  for (const subnet of ipv4) {
    for (const embed of EMBEDDINGS) list.addSubnet(...embed(subnet), 'ipv6')
  }
  for (const [address, prefix] of ipv6) list.addSubnet(address, prefix, 'ipv6')
  return list
}

function hexadecimal(ipv4: string): string {
  return Buffer.from(ipv4.split('.').map(Number))
    .toString('hex')
    .replace(/^(.{4})/, '$1:')
}
