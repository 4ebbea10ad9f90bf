import { afterEach, beforeEach, describe, it, jest } from '@jest/globals'
import { addTogether, followEachOther, killWriters } from '../support/file-store-stories.js'
import { TestDirectory } from '../support/registration-directory.js'

jest.setTimeout(120_000)

let directory: TestDirectory
beforeEach(() => {
  directory = new TestDirectory()
})
afterEach(() => directory.remove())

describe('processes with one directory of registrations', () => {
  it('report each change of the other one within a second, 20 times', async () => {
    await followEachOther(directory, 20)
  })

  it('lose no update of each other', () => addTogether(directory, 4, 10))

  it('leave each file whole when they are killed, 20 times', () => killWriters(directory, 20))
})
