import { readFileSync } from 'node:fs'

/**
 * The code blocks of one language in a document, in their order.
 *
 * @param heading of the only section that is read; by default all are
 */
export function codeBlocks(path: string, language: string, heading?: string): string[] {
  const document = readFileSync(path, 'utf8')
  const text = heading === undefined ? document : sectionOf(document, heading)
  return [...text.matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\`$`, 'gms'))].map(([, code = '']) => code)
}

function sectionOf(document: string, heading: string): string {
  return new RegExp(`^## ${heading}$(.*?)(?=^## |$(?![\\s\\S]))`, 'ms').exec(document)?.[1] ?? ''
}

const REPOSITORY = 'https://github.com/express-jwt-exchange/express-jwt-exchange/blob/main/'

/** A document whose links to files of this repository are paths: a file that is not packed is linked by its absolute URL. */
export function withLinksAsPaths(document: string): string {
  return document.replaceAll(`](${REPOSITORY}`, '](')
}

/** A server or a command of the README with other ports, so that several tests can run at the same time. */
export function withPorts(code: string, ports: { app: number; idp: number }): string {
  return code.replaceAll(/\b3000\b/g, String(ports.app)).replaceAll(/\b3001\b/g, String(ports.idp))
}
