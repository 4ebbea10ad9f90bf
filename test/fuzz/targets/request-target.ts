import { isIPv4 } from 'node:net'
import { Resources } from '../../../src/access-token/resources.js'
import { narrowAudiences } from '../../../src/authorization/targets.js'
import { networkOf } from '../../../src/client-auth/failing-addresses.js'
import type { ExpressRequest } from '../../../src/express/http.js'
import { checkFormType } from '../../../src/express/read-form.js'
import { pathOf } from '../../../src/protected-route/host-request.js'
import { type FuzzTarget, hold, isSameJson, thrownBy } from '../fuzz-target.js'

const AUDIENCES = new Set(['https://api.example.com', 'https://b.example.com/a?b=c', 'urn:example:orders'])
const RESOURCES = Resources.ofAudiences(AUDIENCES)
const MAX_NETWORK_LENGTH = 64

/** Any text as what a request says of itself: an address, a media type, a URL, a resource. */
export function requestTarget(): FuzzTarget {
  return {
    name: 'addresses, media types and resources',
    seeds: [
      '::ffff:192.0.2.1',
      '[2001:db8::1%eth0]:443',
      '192.0.2.1:80',
      '64:ff9b::192.0.2.1',
      'application/x-www-form-urlencoded; charset="utf-8"',
      'application/x-www-form-urlencoded;charset=ISO-8859-1;a=b',
      'HTTPS://API.example.com/',
      'https://b.example.com/a?b=c',
      'urn:example:orders',
    ],
    words: [
      '::',
      ':',
      '.',
      '%',
      '[',
      ']',
      'ffff',
      '2002:',
      ';',
      '; charset=',
      '"',
      'utf-16',
      'UTF8',
      '=',
      '/',
      '//',
      '?',
      '#',
      '@',
    ],
    check: (input) => {
      const text = input.toString('utf8')
      checkAddress(text)
      checkMediaType(text)
      checkResource(text)
      hold(!/[?#]/.test(pathOf(text)), 'a path has neither query nor fragment')
    },
  }
}

function checkAddress(text: string): void {
  const network = networkOf(text)
  hold(network.length <= MAX_NETWORK_LENGTH, 'a network is no longer than an address')
  hold(networkOf(network) === network, 'a network is its own network')
  if (isIPv4(text)) hold(networkOf(`::ffff:${text}`) === text, 'a mapped address is the IPv4 address')
}

function checkMediaType(text: string): void {
  const req = { headers: { 'content-type': text } } as unknown as ExpressRequest
  const outcome = thrownBy(() => checkFormType(req), 'OAuthError')
  if ('error' in outcome) return
  hold(/^\s*application\/x-www-form-urlencoded\s*(?:;|$)/i.test(text), 'only forms are taken')
  hold(
    !/utf-?(?:7|16|32)/i.test(/charset\s*=([^;]*)/i.exec(text)?.[1] ?? ''),
    'no charset is taken that differs in ASCII',
  )
}

function checkResource(text: string): void {
  const outcome = thrownBy(() => [...narrowAudiences([text], AUDIENCES, RESOURCES)], 'OAuthError')
  if ('error' in outcome) return
  hold(outcome.result.length === 1 && AUDIENCES.has(outcome.result[0] ?? ''), 'a resource is one that is registered')
  hold(
    isSameJson(outcome.result, [...narrowAudiences(outcome.result, AUDIENCES, RESOURCES)]),
    'and is narrowed to itself',
  )
}
