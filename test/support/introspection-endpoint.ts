import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

/** A question, as it arrived. */
export interface Question {
  method: string | undefined
  headers: IncomingMessage['headers']
  parameters: Record<string, string>
}

/** An introspection endpoint on 127.0.0.1 that answers as a test says. */
export interface IntrospectionEndpoint {
  url: string
  readonly questions: readonly Question[]
  /** From now on. An object is sent as JSON. */
  answerWith(answer: object | ((response: ServerResponse, question: Question) => void)): void
  close(): Promise<void>
}

export async function startIntrospectionEndpoint(): Promise<IntrospectionEndpoint> {
  const questions: Question[] = []
  let answer: Parameters<IntrospectionEndpoint['answerWith']>[0] = { active: false }
  const server = createServer(async (request, response) => {
    let body = ''
    for await (const chunk of request) body += chunk
    const { method, headers } = request
    const question = { method, headers, parameters: Object.fromEntries(new URLSearchParams(body)) }
    questions.push(question)
    if (typeof answer === 'function') answer(response, question)
    else sendJson(response, JSON.stringify(answer))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/introspect`,
    questions,
    answerWith: (next) => {
      answer = next
    },
    close: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

export function sendJson(response: ServerResponse, text: string): void {
  response.writeHead(200, { 'content-type': 'application/json' }).end(text)
}
