import { readFileSync } from 'node:fs'

/** The code blocks of one language in a document, in their order. */
export function codeBlocks(path: string, language: string): string[] {
  const document = readFileSync(path, 'utf8')
  return [...document.matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\`$`, 'gms'))].map(([, code = '']) => code)
}

/** A server or a command of the README with other ports, so that several tests can run at the same time. */
export function withPorts(code: string, ports: { app: number; idp: number }): string {
  return code.replaceAll(/\b3000\b/g, String(ports.app)).replaceAll(/\b3001\b/g, String(ports.idp))
}
