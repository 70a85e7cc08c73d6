/**
 * The file `sdk/element.js` that the service itself serves: one `<script type="module">`, and `<live-credits>` works.
 *
 * Promise: without a `url` an element speaks to the service that its script came from, under whatever prefix.
 */
import { defineLiveCredits } from './live-credits.js'

const { url } = import.meta

defineLiveCredits(new URL('..', url).href)
