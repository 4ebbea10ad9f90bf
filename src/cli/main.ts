#!/usr/bin/env node
import { runCommandLine } from './run-command-line.js'

const { argv, stdin, stdout, stderr, env } = process
process.exitCode = await runCommandLine(argv.slice(2), { stdin, stdout, stderr, env })
