/**
 * The entry: takes the one-time code out of the address before anything else runs, then starts the app.
 */
import { StrictMode } from 'react'
import { createRoot } from 'react-dom/client'
import '@mantine/core/styles.css'
import '@mantine/notifications/styles.css'
import './styles/index.css'
import { App } from './app'
import { takeCode } from './session'

const code = takeCode()
const root = document.getElementById('root')
if (root === null) throw new Error('index.html has no element #root')

createRoot(root).render(
  <StrictMode>
    <App code={code} />
  </StrictMode>,
)
