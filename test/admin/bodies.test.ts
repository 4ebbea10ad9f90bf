import { once } from 'node:events'
import { connect } from 'node:net'
import { gzipSync } from 'node:zlib'
import { afterEach, describe, expect, it } from '@jest/globals'
import express from 'express'
import { type AdminHost, type AdminHostOptions, ENTRY, startAdminHost } from '../support/admin-host.js'
import { sendBytes } from '../support/send-bytes.js'

const hosts: AdminHost[] = []
afterEach(async () => {
  for (const host of hosts.splice(0)) await host.close()
})

async function start(options: AdminHostOptions = {}): Promise<AdminHost> {
  const host = await startAdminHost(options)
  hosts.push(host)
  return host
}

/** JSON of an entry with one more member, as it is written here. */
const withMember = (member: string) => JSON.stringify(ENTRY).replace(/}$/, `,${member}}`)
const nested = (depth: number, [open, close] = ['[', ']']) => `${open?.repeat(depth)}${close?.repeat(depth)}`
const nestedObjects = (depth: number) => `${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}`

describe.each([4, 5] as const)('a body, on Express %s', (version) => {
  it.each<[string, string | Buffer]>([
    ['cut off', '{"id":"acme"'],
    ['an array', JSON.stringify([ENTRY])],
    ['a text', '"acme"'],
    ['null', 'null'],
    ['NaN', withMember('"lifetime":NaN')],
    ['Infinity', withMember('"lifetime":Infinity')],
    ['a number beyond any', withMember('"lifetime":1e999')],
    ['minus zero', withMember('"lifetime":-0')],
    ['a number that loses digits', withMember('"lifetime":9007199254740993')],
    ['a trailing comma', '{"id":"acme",}'],
    ['a comment', '{"id":"acme"/* */}'],
    ['a member twice', withMember('"name":"https://other.example"')],
    ['a member twice, once escaped', withMember('"n\\u0061me":"https://other.example"')],
    ['a member twice, deep inside', withMember('"requiredClaims":{"a":{"equals":1,"equals":2}}')],
    ['__proto__', withMember('"__proto__":{"enabled":true}')],
    ['an escaped __proto__', withMember('"\\u005f_proto__":{"enabled":true}')],
    ['constructor', withMember('"requiredClaims":{"constructor":{"prototype":1}}')],
    ['prototype', withMember('"headers":{"prototype":"a"}')],
    ['a null character in a text', withMember('"description":"a\\u0000b"')],
    ['half of a surrogate pair', withMember('"description":"\\ud800"')],
    ['half of a surrogate pair in a name', withMember('"\\udfff":1')],
    ['a byte order mark', `\uFEFF${JSON.stringify(ENTRY)}`],
    ['bytes that are not UTF-8', Buffer.from([...Buffer.from('{"id":"'), 0xff, 0xc0, 0x80, ...Buffer.from('"}')])],
    ['UTF-16', Buffer.from(JSON.stringify(ENTRY), 'utf16le')],
    ['33 levels of objects', withMember(`"requiredClaims":${nestedObjects(32)}`)],
    ['200 000 open brackets', nested(100_000)],
    ['40 000 levels of objects', nestedObjects(40_000)],
  ])('with %s is refused with 400', async (_, body) => {
    const { ask, store } = await start({ express: version })
    for (const path of ['/identity-providers', '/identity-providers/check', '/identity-providers/import', '/explain']) {
      const answer = await ask('POST', path, body)
      expect([path, answer.status, answer.body.type]).toEqual([
        path,
        400,
        'urn:express-jwt-exchange:problem:malformed-request',
      ])
    }
    expect(await store.list()).toEqual([])
    expect(Reflect.get({}, 'enabled')).toBeUndefined()
  })

  it('of 256 KiB is read, and a larger one is refused with 413, however it is sent', async () => {
    const { ask, store, url } = await start({ express: version })
    const filled = (length: number) => {
      const empty = withMember('"requiredClaims":{"a":""}')
      return empty.replace('"a":""', `"a":"${'x'.repeat(length - empty.length)}"`)
    }
    expect((await ask('POST', '/identity-providers/check', `{"entry":${filled(262_144 - 10)}}`)).status).toBe(200)
    expect((await ask('POST', '/identity-providers', filled(262_145))).status).toBe(413)
    const chunk = 'x'.repeat(65_536)
    const head = 'POST /admin/identity-providers HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n'
    const chunked = `${head}Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n${`10000\r\n${chunk}\r\n`.repeat(5)}0\r\n\r\n`
    expect((await sendBytes(url, chunked)).status).toBe(413)
    expect(await store.list()).toEqual([])
  })

  it('that never ends is refused while it still comes', async () => {
    const { url } = await start({ express: version })
    const socket = connect(Number(new URL(url).port), '127.0.0.1')
    const chunk = `8000\r\n${'x'.repeat(0x8000)}\r\n`
    let chunks = 0
    // 4 MiB and two chunks, and then nothing, not even an end: to write on when the server has hung up would be an error.
    const more = () => {
      chunks += 1
      if (chunks <= 130) socket.write(chunk, () => setImmediate(more))
    }
    const head = 'POST /admin/identity-providers HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n'
    socket.write(`${head}Transfer-Encoding: chunked\r\n\r\n`)
    more()
    const [answer] = await once(socket, 'data')
    expect(String(answer)).toMatch(/^HTTP\/1\.1 413 (?:.|\s)*Connection: close(?:.|\s)*problem:body-too-large/)
    await once(socket, 'close')
  })

  it('that is compressed is refused, without being inflated', async () => {
    const { ask } = await start({ express: version })
    const bomb = gzipSync(Buffer.alloc(50_000_000, ' '))
    expect(bomb.length).toBeLessThan(60_000)
    for (const encoding of ['gzip', 'deflate', 'br', 'x-unknown', 'gzip, gzip']) {
      const answer = await ask('POST', '/identity-providers', bomb, { 'content-encoding': encoding })
      expect(answer).toMatchObject({ status: 415, body: { status: 415 } })
    }
    const identity = { 'content-encoding': 'identity' }
    expect((await ask('POST', '/identity-providers', ENTRY, identity)).status).toBe(201)
  })

  it('may have a type with the charset UTF-8, and in capitals', async () => {
    const { ask } = await start({ express: version })
    for (const type of ['application/json; charset=utf-8', 'Application/JSON;charset="UTF-8"']) {
      const answer = await ask('POST', '/identity-providers/check', { entry: ENTRY }, { 'content-type': type })
      expect(answer.status).toBe(200)
    }
    await ask('POST', '/identity-providers', ENTRY)
    const patchType = { 'content-type': 'application/merge-patch+json', 'if-match': '"r1"' }
    expect((await ask('PATCH', '/identity-providers/acme', { scopes: ['a'] }, patchType)).status).toBe(200)
  })

  it('that the host has parsed before is taken from it, and checked all the same', async () => {
    for (const parser of [express.json(), express.raw({ type: () => true }), express.text({ type: () => true })]) {
      const { ask, store } = await start({ express: version, before: (app) => app.use(parser as never) })
      const refused = withMember('"headers":{"constructor":"a"}')
      expect((await ask('POST', '/identity-providers', refused)).status).toBe(400)
      expect((await ask('POST', '/identity-providers', withMember(`"x":${nestedObjects(40)}`))).status).toBe(400)
      expect((await ask('POST', '/identity-providers', 'x', { 'content-type': 'text/plain' })).status).toBe(415)
      expect(await store.list()).toEqual([])
      expect((await ask('POST', '/identity-providers', ENTRY)).status).toBe(201)
    }
  })

  it('of an action must have no unknown member', async () => {
    const { ask, exchange } = await start({ express: version })
    expect((await ask('POST', '/identity-providers/fixed/disable', { force: true })).status).toBe(400)
    expect(exchange.stats().identityProviders[0]?.enabled).toBe(true)
    expect((await ask('POST', '/identity-providers/fixed/disable')).status).toBe(200)
    expect(exchange.stats().identityProviders[0]?.enabled).toBe(false)
  })
})
