import { once } from 'node:events'
import { connect } from 'node:net'

const HEAD_END = '\r\n\r\n'

/** One keep-alive connection over which one request at a time is sent, with little work for the one who sends. */
export class HttpConnection {
  #socket
  #received = ''
  #onAnswer
  #isOpen = true

  static async open(port) {
    const socket = connect(port, '127.0.0.1').setNoDelay(true)
    await once(socket, 'connect')
    return new HttpConnection(socket)
  }

  constructor(socket) {
    this.#socket = socket
    socket.on('data', (chunk) => this.#receive(chunk))
    socket.on('error', () => {})
    socket.once('close', () => this.#noteClosed())
  }

  get isOpen() {
    return this.#isOpen
  }

  /** @param onAnswer called with the status as text, or with `connection lost` */
  send(request, onAnswer) {
    this.#onAnswer = onAnswer
    this.#socket.write(request, 'latin1')
  }

  close() {
    this.#socket.destroy()
  }

  #receive(chunk) {
    this.#received += chunk.latin1Slice()
    const headEnd = this.#received.indexOf(HEAD_END)
    if (headEnd < 0) return
    const bodyLength = /\r\ncontent-length: *(\d+)/i.exec(this.#received)?.[1]
    if (bodyLength === undefined) return this.#answer('no Content-Length')
    if (this.#received.length < headEnd + HEAD_END.length + Number(bodyLength)) return
    this.#answer(this.#received.slice(9, 12))
  }

  #answer(status) {
    const onAnswer = this.#onAnswer
    this.#received = ''
    this.#onAnswer = undefined
    onAnswer?.(status)
  }

  #noteClosed() {
    this.#isOpen = false
    this.#answer('connection lost')
  }
}
