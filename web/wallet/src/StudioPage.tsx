/**
 * The product that costs credits. The model of an optimistic spend: the number falls at once, under a key that the
 * browser made; the ledger confirms it, or it comes back together with the reason.
 */
import { useCredits, useOptimisticCredits } from 'livecredits/react'
import { useState } from 'react'
import { amountText } from './amounts'
import { api } from './api'
import { useSession } from './session'
import { useToast } from './toasts'

const PICTURE_PRICE = 5
const PICTURES_SHOWN = 6

export function StudioPage() {
  const { user } = useSession()
  const { credits, loading } = useCredits()
  const runOptimistic = useOptimisticCredits()
  const [pictures, setPictures] = useState<readonly string[]>([])
  const toast = useToast()

  const generate = async () => {
    try {
      const seed = await runOptimistic(-PICTURE_PRICE, async (key) => {
        const { data, error } = await api.spend(user, PICTURE_PRICE, key)
        if (error) throw new Error(error.detail)
        return { ...data, key }
      })
      setPictures((all) => [seed.key, ...all].slice(0, PICTURES_SHOWN))
    } catch (error) {
      toast.error(error instanceof Error ? error.message : 'The picture could not be paid for')
    }
  }

  return (
    <section className="page" aria-labelledby="studio-title">
      <h1 id="studio-title">Studio</h1>
      <div className="card composer">
        <p className="lead">
          A picture costs {PICTURE_PRICE} credits. The number falls the moment you press; the ledger confirms
          it a few milliseconds later, on every other tab and device too.
        </p>
        <button type="button" className="primary" data-testid="spend-5" disabled={loading} onClick={generate}>
          Spend {PICTURE_PRICE} credits
        </button>
        <p className="quiet">
          {loading
            ? 'Reading your balance…'
            : `Enough for ${amountText(Math.max(0, Math.floor(credits / PICTURE_PRICE)))} pictures.`}
        </p>
      </div>
      <ul className="pictures" aria-label="Your pictures">
        {pictures.map((seed) => (
          <li key={seed}>
            <Picture seed={seed} />
          </li>
        ))}
        {pictures.length === 0 && <li className="empty quiet">Your pictures appear here.</li>}
      </ul>
    </section>
  )
}

/** A small abstract picture, drawn from the key that paid for it. */
function Picture({ seed }: { seed: string }) {
  /** 0–255, from two characters of the key. */
  const at = (index: number) => (seed.charCodeAt(index * 2) * 31 + seed.charCodeAt(index * 2 + 1) * 97) % 256
  const hue = (at(0) * 360) / 256
  return (
    <svg viewBox="0 0 120 80" role="img" aria-label="A generated picture">
      <rect width="120" height="80" fill={`hsl(${hue} 60% 22%)`} />
      {[0, 1, 2].map((ring) => (
        <circle
          key={ring}
          cx={(at(1 + ring * 3) * 120) / 256}
          cy={(at(2 + ring * 3) * 80) / 256}
          r={14 + at(3 + ring * 3) / 8}
          fill={`hsl(${hue + 40 * (ring + 1)} 75% ${50 + ring * 8}% / 0.7)`}
        />
      ))}
    </svg>
  )
}
