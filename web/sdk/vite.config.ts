import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vite'

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url))

/** The element as the service serves it: one file by a lasting name, and parts that it loads when they are needed. */
export default defineConfig({
  define: { 'process.env.NODE_ENV': '"production"' },
  build: {
    outDir: here('../../src/livecredits/static/sdk'),
    emptyOutDir: true,
    target: 'es2022',
    minify: true,
    modulePreload: false,
    lib: { entry: here('./src/served.ts'), formats: ['es'] },
    rolldownOptions: {
      output: {
        entryFileNames: 'element.js',
        chunkFileNames: 'parts/[name]-[hash].js',
        minify: true,
        comments: false,
      },
    },
  },
})
