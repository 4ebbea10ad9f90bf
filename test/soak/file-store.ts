import { afterEach, beforeEach, describe, it, jest } from '@jest/globals'
import { addTogether, followEachOther, killWriters } from '../support/file-store-stories.js'
import { TestDirectory } from '../support/registration-directory.js'

jest.setTimeout(600_000)

let directory: TestDirectory
beforeEach(() => {
  directory = new TestDirectory()
})
afterEach(() => directory.remove())

describe('processes with one directory of registrations', () => {
  it('report each change of the other one within a second, 200 times', async () => {
    const longest = await followEachOther(directory, 200)
    process.stdout.write(`file store: the longest delay of a report was ${Math.round(longest)} ms\n`)
  })

  it('report each change within a second among 10 000 others', async () => {
    for (let index = 0; index < 10_000; index += 1) {
      directory.write(`other${index}.json`, { id: `other${index}`, name: `https://other${index}.example` })
    }
    const longest = await followEachOther(directory, 50)
    process.stdout.write(`file store: among 10 000 files it was ${Math.round(longest)} ms\n`)
  })

  it('lose no update of each other', () => addTogether(directory, 6, 50))

  it('leave each file whole when they are killed, 200 times', () => killWriters(directory, 200))
})
