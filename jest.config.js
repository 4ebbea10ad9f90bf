import { availableParallelism } from 'node:os'

export default {
  testEnvironment: '<rootDir>/test/support/test-environment.js',
  testSequencer: '<rootDir>/test/support/longest-first-sequencer.js',
  // Many tests wait for a process, a store or a deadline: one worker more than there are cores keeps those busy.
  maxWorkers: availableParallelism() + 1,
  // Of the tests that wait, most of the time, and say so by `it.concurrent`.
  maxConcurrency: 100,
  // A limit for hangs, not for speed: a slow, busy machine keeps it.
  testTimeout: 20_000,
  // In Node 20, the ES modules of a test file stay in memory for good: a worker grows with each file that it runs.
  workerIdleMemoryLimit: '1GB',
  // A worker of that size takes longer than the default, half a second, to give its memory back as it ends.
  workerGracefulExitTimeout: 10_000,
  roots: ['<rootDir>/test'],
  testMatch: ['**/*.test.ts'],
  extensionsToTreatAsEsm: ['.ts'],
  moduleNameMapper: { '^(\\.{1,2}/.*)\\.js$': '$1' },
  transform: {
    '^.+\\.ts$': [
      '@swc/jest',
      // In files of their own, which are read where a test fails: within the code, they are three times as long as it.
      { jsc: { parser: { syntax: 'typescript' }, target: 'es2023' }, module: { type: 'es6' }, sourceMaps: true },
    ],
  },
}
