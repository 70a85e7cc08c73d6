import { defineConfig } from 'vitest/config'

const setup = {
  environment: 'jsdom',
  include: ['src/**/*.test.{ts,tsx}', 'test/**/*.test.{ts,tsx}'],
} as const

export default defineConfig({
  test: {
    // One run for the workspace; an app's project keeps its own aliases and plugins.
    projects: [
      { root: './sdk', test: { ...setup, name: 'sdk', sequence: { shuffle: true } } },
      { root: './console', extends: './console/vite.config.ts', test: { ...setup, name: 'console' } },
      { root: './wallet', extends: './wallet/vite.config.ts', test: { ...setup, name: 'wallet' } },
    ],
  },
})
