import { createRequire } from 'node:module'
import { fieldOf } from '../errors/field-of.js'
import { type Command, CommandFailed } from './command.js'

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
  const { runDemo } = await loadExampleApp()
  const isAsExpected = await runDemo({ keep, print: (line) => stdout.write(`${line}\n`) })
  if (!keep) stdout.write(NEXT_STEPS)
  return isAsExpected ? 'ok' : 'failed'
}

/** @throws CommandFailed if Express, which the host installs, is missing */
async function loadExampleApp(): Promise<ExampleApp> {
  try {
    return (await import(EXAMPLE_APP.href)) as ExampleApp
  } catch (error) {
    if (fieldOf(error, 'code') !== 'ERR_MODULE_NOT_FOUND' || isInstalled('express')) throw error
    throw new CommandFailed('demo needs Express, which is not installed; run: npm install express')
  }
}

function isInstalled(packageName: string): boolean {
  try {
    createRequire(import.meta.url).resolve(packageName)
    return true
  } catch {
    return false
  }
}
