import { defineConfig } from 'vitest/config'

const setup = {
  environment: 'jsdom',
  // Otherwise one core is left idle: of two, half.
  maxWorkers: '100%',
  include: ['src/**/*.test.{ts,tsx}', 'test/**/*.test.{ts,tsx}'],
} as const
// Their modules keep nothing from one file to the next, so that a worker loads them, and a page, once.
const shared = { isolate: false } as const
// The console's modules do keep something, so each file has its own; what is under them is loaded once for a worker.
const apart = { pool: 'vmThreads' } as const
// A build is no page, and its bundler does not work in such a context.
const BUILDS = ['test/size.test.ts']

export default defineConfig({
  test: {
    // One run for the workspace; an app's project keeps its own aliases and plugins.
    projects: [
      { root: './sdk', test: { ...setup, ...shared, name: 'sdk', sequence: { shuffle: true } } },
      {
        root: './console',
        extends: './console/vite.config.ts',
        test: { ...setup, ...apart, name: 'console', exclude: BUILDS },
      },
      { root: './console', test: { ...setup, name: 'console-build', environment: 'node', include: BUILDS } },
      { root: './wallet', extends: './wallet/vite.config.ts', test: { ...setup, ...shared, name: 'wallet' } },
    ],
  },
})
