import { afterEach, describe, expect, it } from '@jest/globals'
import { type AdminHost, type AdminHostOptions, startAdminHost } from '../support/admin-host.js'
import { rawRequest, sendBytes } from '../support/send-bytes.js'

const hosts: AdminHost[] = []
afterEach(async () => {
  for (const host of hosts.splice(0)) await host.close()
})

async function start(options: AdminHostOptions = {}): Promise<AdminHost> {
  const host = await startAdminHost(options)
  hosts.push(host)
  return host
}

describe.each([4, 5] as const)('the page of the admin API, on Express %s', (version) => {
  it('is served with its script and its style sheet', async () => {
    const { ask } = await start({ express: version })
    expect(await ask('GET', '/')).toMatchObject({
      status: 200,
      headers: { 'content-type': 'text/html; charset=utf-8' },
    })
    expect(await ask('GET', '/page.js')).toMatchObject({
      status: 200,
      headers: { 'content-type': 'text/javascript; charset=utf-8' },
    })
    expect(await ask('GET', '/page.css')).toMatchObject({
      status: 200,
      headers: { 'content-type': 'text/css; charset=utf-8' },
    })
  })

  it.each([
    ['/admin', './admin/'],
    ['/admin?a=b', './admin/'],
    ['/a/b%20c', './b%20c/'],
  ])('leads from %s to the address with a slash, which its own addresses are relative to', async (path, location) => {
    const { url } = await start({ express: version, mountPath: path.replace(/\?.*/, '') })
    const answer = await sendBytes(url, rawRequest(`GET ${path}`, []))
    expect([answer.status, answer.headers.location]).toEqual([308, location])
  })

  it('never leads to another site', async () => {
    const { url } = await start({ express: version, mountPath: '/' })
    for (const path of ['//evil.example', '//evil.example/', '/https:evil.example', '/\\evil.example']) {
      const answer = await sendBytes(url, rawRequest(`GET ${path}`, []))
      expect([path, String(answer.headers.location ?? './')]).toEqual([path, expect.stringMatching(/^\.\//)])
    }
  })
})
