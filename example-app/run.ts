import { type Deployment, readDeployment, withSigningKeys } from './deployment.js'
import { loadPassport } from './host-app.js'
import { type Place, urlOf } from './place.js'
import { openReplayStore, type StoreChoice } from './replay-stores.js'
import { onEndSignal, serve } from './serve.js'
import { endStory, printInvitation, startStory, tellStory } from './story.js'
import { startWorkers } from './workers.js'

const { CONFIG, IDENTITY_PROVIDERS, PORT, REDIS_URL, DATABASE_URL } = process.env

/** Where the app is reached as localhost. */
const LOCAL_HOSTS = ['127.0.0.1', '::1', 'localhost', '0.0.0.0', '::']

/** Serves the file in `CONFIG`, or without one the story. */
export async function run(place: Place, workers: number): Promise<void> {
  await (CONFIG ? serveConfig(CONFIG, place, workers) : serveStory(place, workers))
}

/** The host app alone, with the options of a TOML file. */
async function serveConfig(path: string, place: Place, workers: number): Promise<void> {
  const deployment = readDeployment(path, IDENTITY_PROVIDERS || undefined)
  const adminLink = await serveIn(workers, place, deployment)
  console.log(`Listening on ${urlOf(place)} with ${path}`)
  if (adminLink !== undefined) console.log(`Admin page, once: ${adminLink}`)
}

/** The host app and a fake identity provider, and the main job performed with both. */
async function serveStory(place: Place, workers: number): Promise<void> {
  const url = urlOf({ ...place, host: LOCAL_HOSTS.includes(place.host) ? 'localhost' : place.host })
  const story = await startStory(url, PORT === '0' ? 0 : place.port + 1, place.certificate?.cert)
  onEndSignal(() => endStory(story))
  const adminLink = await serveIn(workers, place, {
    options: story.options,
    store: workers > 1 ? sharedStore() : undefined,
    directory: story.directory,
  })
  const hasPassport = (await loadPassport()) !== undefined
  const print = (line: string) => console.log(line)
  const isAsExpected = await tellStory(story, { processes: workers, hasPassport, isKept: true, print })
  if (!isAsExpected) process.exitCode = 1
  printInvitation(story, adminLink, print)
}

/** In this process, or in several. Resolves with the link of the admin page, if there is one. */
async function serveIn(workers: number, place: Place, deployment: Deployment): Promise<string | undefined> {
  if (workers === 1) return (await serve(place, deployment, { hasAdmin: true })).adminLink
  await checkShared(deployment.store)
  await startWorkers(workers, { place, deployment: withSigningKeys(deployment) })
  return undefined
}

/** Opened once before there are workers, so that what is wrong with it is reported once. */
async function checkShared(store: StoreChoice | undefined): Promise<void> {
  if (store === undefined) {
    throw new Error(
      'WORKERS needs a replay store that they share: [replay] with store = "redis" or "postgres", and url',
    )
  }
  const { close } = await openReplayStore(store)
  await close()
}

function sharedStore(): StoreChoice {
  if (REDIS_URL) return { name: 'redis', url: REDIS_URL }
  if (DATABASE_URL) return { name: 'postgres', url: DATABASE_URL }
  return { name: 'redis', url: 'redis://127.0.0.1:6379' }
}
