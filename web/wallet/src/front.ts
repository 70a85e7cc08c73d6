/**
 * The demo's first page: the console and two wallets side by side, each in its own frame.
 *
 * It is served at the service's root, and its `<base>` is the wallet's folder. The one odd thing: a one-time sign-in
 * code in this page's fragment is handed to the console's frame, and taken out of the address at once, so that neither
 * the history nor a bookmark keeps it. Fragments never reach a server's log.
 */
import './front.css'

const code = location.hash.startsWith('#code=') ? location.hash : ''
if (code !== '') history.replaceState(null, '', location.pathname)

const frame = document.querySelector<HTMLIFrameElement>('#console')
if (frame !== null) frame.src = new URL(`../console/users${code}`, document.baseURI).href
