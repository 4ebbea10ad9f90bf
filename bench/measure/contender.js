import { requireThat } from '../checks/require-that.js'
import { SERVER_CORE } from '../processes/pin.js'
import { startProcess } from '../processes/start-process.js'

const CONNECTIONS = 32
/** Tokens that are kept back for the checks after the last round. */
const KEPT_FOR_CHECKS = 4

/**
 * A server process that is measured. While others are measured it is stopped: otherwise V8 would collect its garbage then, on
 * their core. It takes its tokens from a pool, from the first one on.
 */
export class Contender {
  #process
  #port
  #pool
  #taken = 0
  #answered = 0
  /** Requests per second of the latest run. */
  #rate = 0
  rounds = []

  /**
   * @param traits
   *   `name`; `script` within bench/servers and its `settings`; `core`, 0 where it is not said;
   *   `kind` of its requests, `exchange` or `route`; `sameToken`, where all its requests have one;
   *   `checks`: whether it looks at the `signature` of a token, and refuses a `replay`;
   *   `check`, which proves it right or wrong; `generator`, where it has a load generator of its own;
   *   `processes`: of how many processes each round counts the one in the middle, 1 where it is not said
   */
  constructor({ processes = 1, ...traits }, pool) {
    this.traits = { core: SERVER_CORE, checks: { signature: true }, ...traits }
    this.#pool = pool
    /** This one, and others of the same program. */
    this.processes = [this]
    while (this.processes.length < processes) this.processes.push(new Contender(traits, pool))
  }

  get name() {
    return this.traits.name
  }

  async start() {
    this.#process = await startProcess(`servers/${this.traits.script}`, { core: this.traits.core })
    this.#port = (await this.#process.ask('start', this.traits.settings)).port
    this.#process.pause()
  }

  /** @throws where it does not do what it is said to do, or has not told each event to its listener */
  async check() {
    const { name, checks } = this.traits
    const takeToken = () => this.#takeToken()
    const heardEvents = await this.#whileRunning(async () => {
      this.#answered += await this.traits.check({ name, port: this.#port, takeToken, checks })
      return (await this.#process.ask('usage')).heardEvents ?? this.#answered
    })
    requireThat(heardEvents === this.#answered, `${name} told ${this.#answered} events, and not ${heardEvents}`)
  }

  /** How many tokens it needs for so many more seconds of load, those that it has taken included. */
  tokensNeeded(seconds) {
    const { sameToken, checks } = this.traits
    return sameToken || !checks.signature ? 0 : this.#taken + this.#rate * seconds
  }

  /** Sends so many requests twice: the second half tells how many it answers in a second. */
  async warmUp(generator, client, requests) {
    await this.#whileRunning(async () => {
      for (let half = 0; half < 2; half += 1) await this.#send(generator, client, Math.ceil(requests / 2))
    })
  }

  /** Requests a second in a closed loop. */
  async findMaximum(generator, client, requests) {
    await this.#whileRunning(() => this.#send(generator, client, requests))
    return this.#rate
  }

  /** Sends as many requests as should take so many seconds. */
  async run(generator, client, seconds) {
    const amount = this.#amountFor(seconds)
    const [before, run, after] = await this.#whileRunning(async () => [
      await this.#process.ask('usage'),
      await this.#send(generator, client, amount),
      await this.#process.ask('usage'),
    ])
    const cpuSeconds = after.cpuSeconds - before.cpuSeconds
    return {
      rate: this.#rate,
      cpuMicroseconds: (cpuSeconds / amount) * 1e6,
      coreUse: cpuSeconds / run.seconds,
    }
  }

  /** Sends at a fixed rate, whether it keeps up or not, and tells latencies in milliseconds. */
  async runAtRate(generator, rate, seconds) {
    const amount = Math.ceil(rate * (seconds + 1))
    const load = { port: this.#port, rate, seconds, requests: this.#take(amount) }
    const run = await this.#whileRunning(() => generator.ask('at rate', load))
    this.#answered += run.answered
    this.#requireOnlyOk(run.statuses, run.answered)
    return run
  }

  /** Sends at a rate as autocannon keeps it, in bursts and never more at a time than its connections, and tells the same. */
  runPaced(generator, rate, seconds) {
    return this.#whileRunning(() => this.#send(generator, 'autocannon', Math.ceil(rate * seconds), { rate }))
  }

  async end() {
    await this.#process?.end()
  }

  async #whileRunning(act) {
    this.#process.resume()
    try {
      return await act()
    } finally {
      this.#process.pause()
    }
  }

  async #send(generator, client, amount, pace = {}) {
    const load = { port: this.#port, connections: CONNECTIONS, amount, requests: this.#take(amount), ...pace }
    const run = await (this.traits.generator ?? generator).ask(client, load)
    this.#answered += run.answered
    this.#requireOnlyOk(run.statuses, amount)
    this.#rate = run.answered / run.seconds
    return run
  }

  #amountFor(seconds) {
    const { sameToken, checks } = this.traits
    const wanted = Math.max(CONNECTIONS, Math.round(this.#rate * seconds))
    if (sameToken || !checks.signature) return wanted
    const left = this.#pool.count - this.#taken - KEPT_FOR_CHECKS
    requireThat(left >= wanted / 2, `${this.name} has tokens left for half of a round`)
    return Math.min(left, wanted)
  }

  #take(amount) {
    const { kind, sameToken } = this.traits
    if (sameToken !== undefined) return { kind, token: sameToken }
    const from = this.#taken
    this.#taken += amount
    return { kind, pool: this.#pool.describe(), from }
  }

  #takeToken() {
    if (this.traits.sameToken !== undefined) return this.traits.sameToken
    this.#taken += 1
    return this.#pool.read((this.#taken - 1) % this.#pool.count)
  }

  #requireOnlyOk(statuses, amount) {
    const isOnlyOk = Object.keys(statuses).join() === '200' && statuses[200] === amount
    requireThat(isOnlyOk, `${this.name} answers ${amount} requests with 200, and not ${JSON.stringify(statuses)}`)
  }
}
