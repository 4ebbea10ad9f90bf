import { AsyncLocalStorage } from 'node:async_hooks'
import { TestEnvironment as NodeEnvironment } from 'jest-environment-node'

/** The storages that the present test file has used: Jest loads its runner, with a storage of its own, once for each file. */
const used = new Set()

for (const method of ['run', 'enterWith']) {
  const original = AsyncLocalStorage.prototype[method]
  AsyncLocalStorage.prototype[method] = function (...parameters) {
    used.add(this)
    return original.apply(this, parameters)
  }
}

/**
 * Node's environment of Jest, whose storages end with their test file. Before Node 24, each promise takes a value along for
 * each storage that is not disabled, so that the hundredth file of a worker would run several times slower than the first.
 */
export default class TestEnvironment extends NodeEnvironment {
  async teardown() {
    await super.teardown()
    for (const storage of used) storage.disable()
    used.clear()
  }
}
