import { fileURLToPath } from 'node:url'
import react from '@vitejs/plugin-react'
import { defineConfig } from 'vite'

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url))
const server = process.env['LIVECREDITS_URL'] ?? 'http://127.0.0.1:8300'

export default defineConfig({
  plugins: [react()],
  // Relative, since the server may mount the app under any path.
  base: './',
  resolve: {
    alias: [
      { find: /^livecredits\/react$/, replacement: here('../sdk/src/react') },
      { find: /^livecredits\/vouchers$/, replacement: here('../sdk/src/vouchers') },
      { find: /^livecredits$/, replacement: here('../sdk/src/index') },
    ],
    dedupe: ['react', 'react-dom'],
  },
  build: {
    outDir: here('../../src/livecredits/static/wallet'),
    emptyOutDir: true,
    target: 'es2022',
    // The app itself, and the demo's first page, which shows it beside the console.
    rolldownOptions: { input: [here('./index.html'), here('./front.html')] },
  },
  // `npm run dev`: the page from Vite, all the rest from a running `make serve` or `make demo`.
  server: {
    proxy: {
      '/api': { target: server, ws: true },
      '/wallet/api': { target: server },
    },
  },
})
