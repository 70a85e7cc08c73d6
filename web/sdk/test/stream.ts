/**
 * One event stream of the scripted server, as `fetch` sees it: an answer whose body goes on. Whoever aborts the
 * request ends it; a proxy that buffers holds every byte back.
 */
import type { ClientFrame } from '../src/frames.js'
import type { Tab, World } from './world.js'

export class Stream {
  isOpen = true
  user: string | null | undefined
  watched = new Set<string>()
  follows: readonly string[] = []
  readonly said: ClientFrame[] = []
  #body: ReadableStreamDefaultController<Uint8Array> | undefined

  constructor(
    readonly tab: Tab,
    readonly screen: string,
    init: RequestInit,
  ) {
    init.signal?.addEventListener('abort', () => this.#end())
  }

  get world(): World {
    return this.tab.world
  }

  get response(): Response {
    const body = new ReadableStream<Uint8Array>({
      start: (controller) => {
        this.#body = controller
      },
    })
    return new Response(body, { headers: { 'content-type': 'text/event-stream; charset=utf-8' } })
  }

  /** In two pieces that break anywhere, a letter of several bytes included. */
  receive(frame: object): void {
    const bytes = new TextEncoder().encode(`id: 1\ndata: ${JSON.stringify(frame)}\n\n`)
    const middle = bytes.length - 20
    const deliver = () => {
      if (!this.isOpen || this.world.server.buffersStreams) return
      this.#body?.enqueue(bytes.slice(0, middle))
      this.#body?.enqueue(bytes.slice(middle))
    }
    this.world.at(5, deliver, this.tab)
  }

  /** The server closes; the verdict is the last event. */
  end(code: number, reason = ''): void {
    this.receive({ type: 'closed', code, reason })
    this.world.at(6, () => this.drop(), this.tab)
  }

  /** The line is cut, or the proxy has had enough. */
  drop(): void {
    if (!this.isOpen) return
    this.isOpen = false
    this.#body?.close()
  }

  #end(): void {
    if (!this.isOpen) return
    this.isOpen = false
    this.#body?.error(new DOMException('aborted', 'AbortError'))
  }

  saidOf<T extends ClientFrame['type']>(type: T): (ClientFrame & { type: T })[] {
    return this.said.filter((frame): frame is ClientFrame & { type: T } => frame.type === type)
  }
}
