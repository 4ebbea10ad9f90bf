import { connect } from 'node:net'

interface Reply {
  /** As redis-cli prints it: the elements of a list in lines of their own. */
  text: string
  isError: boolean
  /** Where the next reply begins. */
  end: number
}

/** Sends a command to a server on 127.0.0.1, over a connection of its own. Rejects if the answer is an error. */
export async function sendRedisCommand(port: number, command: readonly string[]): Promise<string> {
  const socket = connect(port, '127.0.0.1')
  try {
    socket.write(`*${command.length}\r\n${command.map(writeText).join('')}`)
    let bytes = Buffer.alloc(0)
    for await (const chunk of socket) {
      bytes = Buffer.concat([bytes, chunk])
      const reply = readReply(bytes, 0)
      if (reply?.isError === true) throw new Error(reply.text)
      if (reply !== undefined) return reply.text
    }
    throw new Error('the server has closed the connection')
  } finally {
    socket.destroy()
  }
}

function writeText(text: string): string {
  return `$${Buffer.byteLength(text)}\r\n${text}\r\n`
}

/** @returns undefined if it is not whole */
function readReply(bytes: Buffer, start: number): Reply | undefined {
  const lineEnd = bytes.indexOf('\r\n', start)
  if (lineEnd < 0) return undefined
  const [type, line] = [bytes.toString('latin1', start, start + 1), bytes.toString('utf8', start + 1, lineEnd)]
  const next = lineEnd + 2
  if (type === '*') return readList(bytes, next, Number(line))
  if (type !== '$') return { text: line, isError: type === '-', end: next }
  if (line === '-1') return { text: '', isError: false, end: next }
  const textEnd = next + Number(line)
  if (textEnd + 2 > bytes.length) return undefined
  return { text: bytes.toString('utf8', next, textEnd), isError: false, end: textEnd + 2 }
}

function readList(bytes: Buffer, start: number, length: number): Reply | undefined {
  const texts: string[] = []
  let end = start
  while (texts.length < length) {
    const reply = readReply(bytes, end)
    if (reply === undefined) return undefined
    texts.push(reply.text)
    end = reply.end
  }
  return { text: texts.join('\n'), isError: false, end }
}
