import type { Command } from './command.js'

/**
 * What `example-app/demo.ts` exports. The example app is packed next to `dist/`. It imports this package by its name, as a
 * host app does, so the demo runs on the public API.
 */
interface ExampleApp {
  runDemo(settings: { keep: boolean; print(line: string): void }): Promise<boolean>
}

const EXAMPLE_APP = new URL('../../example-app/dist/demo.js', import.meta.url)
const NEXT_STEPS = `
Next:
- Play with it: send requests, roll keys over, cause outages: npx express-jwt-exchange demo --keep
- Write a deployment file of your own:                       npx express-jwt-exchange init
`

/** Performs the main job step by step, with a fake identity provider and a host app on free ports. */
export const demoCommand: Command = async ({ keep }, { stdout }) => {
  const { runDemo } = (await import(EXAMPLE_APP.href)) as ExampleApp
  const isAsExpected = await runDemo({ keep, print: (line) => stdout.write(`${line}\n`) })
  if (!keep) stdout.write(NEXT_STEPS)
  return isAsExpected ? 'ok' : 'failed'
}
