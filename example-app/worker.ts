import { once } from 'node:events'
import { serve } from './serve.js'
import type { Work } from './workers.js'

/** One of several processes behind one port. It asks the primary process what to serve. */
try {
  process.send?.('what to serve')
  const [{ place, deployment }] = (await once(process, 'message')) as [Work]
  await serve(place, deployment, { hasAdmin: false })
} catch (error) {
  console.error(String(error))
  process.exit(1)
}
