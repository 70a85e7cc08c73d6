/**
 * The element `<live-credits>`: one user's live number in any page, without a framework.
 *
 * Promise: what stands inside the element (a number that the page's own server wrote) is shown until the
 * ledger's number is known, and never again after; elements of the same account share one store; the
 * status stands as an attribute, so that a page can style it, and is read out beside the number. It must
 * not know how the store works.
 *
 * The odd one: everything begins a microtask after the element came, because frameworks set attributes one
 * by one and a store belongs to one user for its whole life.
 */
import { createCredits } from './store.js'
import type { CreditsSnapshot, CreditsStore, GetToken } from './types.js'

/** Attributes that say whose number it is; another value is another store. */
const IDENTITY = ['url', 'user', 'token-url', 'token-method']

const STYLE =
  ':host{font-variant-numeric:tabular-nums}' +
  '[part=note]{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%);white-space:nowrap}'

interface Shared {
  readonly store: CreditsStore
  readonly elements: Set<LiveCredits>
}

/** What an app's script may use of the element. */
export interface LiveCredits extends HTMLElement {
  /** In place of `token` and `token-url`. Set it before the element is put into the page. */
  getToken: GetToken | undefined
  /** The number as it is known now; undefined before the element is in a page. */
  readonly snapshot: CreditsSnapshot | undefined
}

declare global {
  interface HTMLElementTagNameMap {
    'live-credits': LiveCredits
  }
}

const shared = new Map<string, Shared>()

/**
 * Makes `<live-credits>` known to the page. Twice is once.
 *
 * @param home - Where the service is, for elements without `url`.
 */
export function defineLiveCredits(home: string): void {
  // On a server there is no registry, and nothing to do.
  const registry: CustomElementRegistry | undefined = globalThis.customElements
  if (!registry?.get('live-credits')) registry?.define('live-credits', elementFor(home))
}

// Made in a function: a server that renders pages has no HTMLElement to extend.
function elementFor(home: string) {
  return class extends HTMLElement implements LiveCredits {
    static readonly observedAttributes = [...IDENTITY, 'token', 'unit', 'format']

    getToken: GetToken | undefined
    snapshot: CreditsSnapshot | undefined
    #account: Shared | undefined
    #stop = () => {}
    #isDue = false
    #wasKnown = false
    readonly #slot = document.createElement('slot')
    readonly #number = part('credits')
    readonly #note = part('note')

    constructor() {
      super()
      const root = this.attachShadow({ mode: 'open' })
      // Not a <style>: a page's content security policy may forbid those.
      const sheet = new CSSStyleSheet()
      sheet.replaceSync(STYLE)
      root.adoptedStyleSheets = [sheet]
      this.#slot.textContent = '…'
      root.append(this.#slot, this.#number, this.#note)
    }

    connectedCallback(): void {
      this.#soon()
    }

    disconnectedCallback(): void {
      this.#leave()
    }

    attributeChangedCallback(name: string): void {
      if (IDENTITY.includes(name)) this.#leave()
      // A store that waits for a better token need not wait any longer.
      if (name === 'token') this.#account?.store.refresh()
      this.#soon()
    }

    #soon(): void {
      if (this.#isDue) return
      this.#isDue = true
      queueMicrotask(() => {
        this.#isDue = false
        if (!this.isConnected) return
        if (!this.#account) this.#join()
        this.#render()
      })
    }

    #join(): void {
      const account = accountOf(this, home)
      account.elements.add(this)
      this.#account = account
      this.#stop = account.store.subscribe(() => this.#render())
    }

    #leave(): void {
      const account = this.#account
      if (!account) return
      this.#account = undefined
      account.elements.delete(this)
      this.#stop()
    }

    #render(): void {
      const snapshot = this.#account?.store.getSnapshot(this.getAttribute('unit') || undefined)
      if (!snapshot) return
      const { status, loading, version } = snapshot
      const isKnown = !loading && status !== 'signed-out' && (status !== 'error' || version > 0)
      // What the page wrote inside was the former user's, if there was one.
      this.#slot.hidden = isKnown || this.#wasKnown
      this.#wasKnown ||= isKnown
      this.setAttribute('status', status)
      this.toggleAttribute('pending', snapshot.pending > 0)
      setText(this.#number, isKnown ? this.#format(snapshot) : this.#wasKnown ? '…' : '')
      setText(
        this.#note,
        isKnown && status !== 'live' ? ` (${this.getAttribute('note') ?? 'not up to date'})` : '',
      )
      const isNew = this.snapshot !== snapshot
      this.snapshot = snapshot
      if (isNew) this.dispatchEvent(new CustomEvent('credits', { detail: snapshot, bubbles: true }))
    }

    #format(snapshot: CreditsSnapshot): string {
      const { scale, unit } = snapshot
      const digits = { minimumFractionDigits: scale, maximumFractionDigits: scale }
      const language = this.closest('[lang]')?.getAttribute('lang') || undefined
      const write = (amount: number) => new Intl.NumberFormat(language, digits).format(amount / 10 ** scale)
      return (this.getAttribute('format') ?? '{credits}').replace(
        /\{(credits|available|held|settled|unit)\}/g,
        (_whole, name: 'credits' | 'unit') => (name === 'unit' ? unit : write(snapshot[name])),
      )
    }
  }
}

function part(name: string): HTMLElement {
  const span = document.createElement('span')
  span.setAttribute('part', name)
  return span
}

function setText(node: HTMLElement, text: string): void {
  if (node.textContent !== text) node.textContent = text
}

function accountOf(element: LiveCredits, home: string): Shared {
  const name = IDENTITY.map((attribute) => element.getAttribute(attribute)).join('\n')
  const known = element.getToken ? undefined : shared.get(name)
  if (known?.elements.size) return known
  const elements = new Set<LiveCredits>()
  const store = createCredits({
    url: element.getAttribute('url') ?? home,
    // Without the attribute the token tells; an empty one is nobody: `user="{{ user.pk }}"` of a visitor.
    user: element.hasAttribute('user') ? element.getAttribute('user') || null : undefined,
    getToken: (request) => element.getToken?.(request) ?? tokenOf(elements, request.fresh),
    log: false,
  })
  const account = { store, elements }
  shared.set(name, account)
  return account
}

const refused = new WeakMap<Set<LiveCredits>, string>()

/** The token of any of the elements: the attribute, or what the page's own server answers. */
async function tokenOf(elements: Set<LiveCredits>, fresh: boolean): Promise<string | null> {
  const all = [...elements]
  const given = all.map((element) => element.getAttribute('token')).find((token) => token)
  if (given) {
    if (fresh && refused.get(elements) === given) throw new Error('The token is old; set a new one.')
    refused.set(elements, given)
    return given
  }
  const address = all[0]?.getAttribute('token-url')
  if (!address) return null
  const method = all[0]?.getAttribute('token-method') ?? 'POST'
  const response = await fetch(address, {
    method,
    cache: 'no-store',
    headers: { accept: 'application/json' },
  })
  if ([204, 401, 403].includes(response.status)) return null
  if (!response.ok) throw new Error(`HTTP ${response.status}`)
  const text = await response.text()
  return text.startsWith('{') ? JSON.parse(text).token : text || null
}
