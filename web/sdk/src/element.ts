/**
 * The entry `livecredits/element`: importing it makes `<live-credits>` known. Elements name the service by `url`.
 */
import { defineLiveCredits } from './live-credits.js'

export type { LiveCredits } from './live-credits.js'

defineLiveCredits('')
