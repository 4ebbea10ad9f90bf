#!/usr/bin/env node
import { runCommandLine } from './run-command-line.js'

const { argv, stdin, stdout, stderr, env } = process
for (const output of [stdout, stderr]) output.on('error', ignoreClosed)
process.exitCode = await runCommandLine(argv.slice(2), { stdin, stdout, stderr, env })

/** Nobody reads on, as with `| head`. The exit status is still right. */
function ignoreClosed(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EPIPE') throw error
}
