import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { clearTimeout, setImmediate, setTimeout } from 'node:timers'
import { Worker } from 'node:worker_threads'

// Listens, then blocks its thread: no connection is ever accepted, and the kernel queues the backlog and one more.
const neverAccepting = `
  const { parentPort, workerData } = require('node:worker_threads')
  const server = require('node:net').createServer()
  server.listen(workerData.port, '127.0.0.1', 1, () => {
    parentPort.postMessage('listening')
    Atomics.wait(workerData.released, 0, 0)
    server.close()
  })
`
const connectTimeout = 100
const maxFillers = 16

/**
 * Takes a free port of 127.0.0.1 so that connections to it neither complete nor fail, and verifies that before it
 * resolves. The result releases the port.
 */
export async function holdConnects(port: number): Promise<() => Promise<void>> {
  const released = new Int32Array(new SharedArrayBuffer(4))
  const worker = new Worker(neverAccepting, { eval: true, execArgv: [], workerData: { port, released } })
  await once(worker, 'message')
  const fillers: Socket[] = []
  const release = async () => {
    const exited = once(worker, 'exit')
    Atomics.store(released, 0, 1)
    Atomics.notify(released, 0)
    for (const filler of fillers) filler.destroy()
    await exited
  }
  try {
    await fillAcceptQueue(port, fillers)
  } catch (error) {
    await release()
    throw error
  }
  return release
}

async function fillAcceptQueue(port: number, fillers: Socket[]): Promise<void> {
  while (fillers.length < maxFillers) {
    const filler = connect(port, '127.0.0.1')
    fillers.push(filler)
    if (!(await connects(filler))) return
  }
  throw new Error(`slow-connect is not possible on this platform: ${maxFillers} connections completed`)
}

function connects(socket: Socket): Promise<boolean> {
  return new Promise((resolve, reject) => {
    // A busy process runs late timers before its sockets, so decide after the sockets were handled.
    const timer = setTimeout(() => setImmediate(() => resolve(false)), connectTimeout)
    socket.once('connect', () => {
      clearTimeout(timer)
      resolve(true)
    })
    socket.on('error', reject)
  })
}
