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
// What builds, or puts another module in the place of one, has a worker of its own.
const SDK_ALONE = ['size.test.ts', 'ssr.test.tsx', 'react.test.tsx', 'react-shop.test.tsx'].map(
  (name) => `test/${name}`,
)
const CONSOLE_ALONE = ['test/size.test.ts']

export default defineConfig({
  test: {
    // One run for the workspace; an app's project keeps its own aliases and plugins.
    projects: [
      {
        root: './sdk',
        test: { ...setup, ...shared, name: 'sdk', exclude: SDK_ALONE, sequence: { shuffle: true } },
      },
      {
        root: './sdk',
        test: { ...setup, name: 'sdk-alone', include: SDK_ALONE, sequence: { shuffle: true } },
      },
      {
        root: './console',
        extends: './console/vite.config.ts',
        test: { ...setup, ...apart, name: 'console', exclude: CONSOLE_ALONE },
      },
      { root: './console', test: { ...setup, name: 'console-alone', include: CONSOLE_ALONE } },
      { root: './wallet', extends: './wallet/vite.config.ts', test: { ...setup, ...shared, name: 'wallet' } },
    ],
  },
})
