import { loadPassport } from './host-app.js'
import { choosePlace } from './place.js'
import { onEndSignal, startServer } from './serve.js'
import { endStory, printInvitation, startStory, tellStory } from './story.js'

export interface DemoSettings {
  /** Keep running until Ctrl-C, for requests of the reader. */
  keep: boolean
  print(line: string): void
}

/**
 * The story of `npm start` in this process and on free ports, for `npx express-jwt-exchange demo`. Resolves with whether
 * every answer was the expected one, when everything is closed.
 */
export async function runDemo({ keep, print }: DemoSettings): Promise<boolean> {
  const place = await choosePlace(0, '127.0.0.1')
  const story = await startStory(`http://localhost:${place.port}`, 0)
  try {
    const server = await startServer(
      place,
      { options: story.options, store: undefined, directory: story.directory },
      { hasAdmin: keep },
    )
    try {
      const hasPassport = (await loadPassport()) !== undefined
      const isAsExpected = await tellStory(story, { processes: 1, hasPassport, isKept: keep, print })
      if (!hasPassport) print('\nWith Passport there is also GET /me: npm install passport')
      if (keep) {
        printInvitation(story, server.adminLink, print)
        await new Promise<void>(onEndSignal)
      }
      return isAsExpected
    } finally {
      await server.close()
    }
  } finally {
    await endStory(story)
  }
}
