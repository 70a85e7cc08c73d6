/**
 * One live connection by hand, for the playground: every frame in and out with its time, nothing interpreted.
 *
 * It is deliberately not the SDK, which hides the frames. The operator's token is asked for anew with each
 * connection, goes out in the first frame as anybody's would, and is blotted out in what is shown. At most
 * `KEPT` frames are kept.
 */
import { useCallback, useEffect, useRef, useState } from 'react'
import { api, asProblem, type Problem } from '../api'
import { serverUrl } from '../base'
import { explain } from './closes'

const KEPT = 300
const SUBPROTOCOL = 'livecredits.v1'

export type Direction = 'in' | 'out' | 'note'

export interface Logged {
  id: number
  at: number
  direction: Direction
  /** The frame's type, or a word for a note. */
  type: string
  text: string
  bytes: number
}

export type Phase = 'closed' | 'connecting' | 'open'

export function useFrames(answerTicks: boolean) {
  const [frames, setFrames] = useState<Logged[]>([])
  const [phase, setPhase] = useState<Phase>('closed')
  const [problem, setProblem] = useState<Problem>()
  const socket = useRef<WebSocket>(undefined)
  const count = useRef(0)
  const answers = useRef(answerTicks)
  answers.current = answerTicks

  const log = useCallback((direction: Direction, type: string, text: string, bytes = 0) => {
    count.current += 1
    const one = { id: count.current, at: Date.now(), direction, type, text, bytes }
    setFrames((before) => [one, ...before.slice(0, KEPT - 1)])
  }, [])

  const send = useCallback(
    (text: string) => {
      const open = socket.current
      if (open?.readyState !== WebSocket.OPEN) return
      open.send(text)
      log('out', typeOf(text), blotted(text), size(text))
    },
    [log],
  )

  const disconnect = useCallback(() => socket.current?.close(1000), [])

  const connect = useCallback(async () => {
    setPhase('connecting')
    setProblem(undefined)
    let token: string
    try {
      token = (await api.liveToken()).token
    } catch (error) {
      setPhase('closed')
      setProblem(asProblem(error))
      return
    }
    const address = new URL('api/v1/credits/live', serverUrl()).href.replace(/^http/, 'ws')
    const made = new WebSocket(address, SUBPROTOCOL)
    socket.current = made
    log('note', 'connecting', address)
    made.onopen = () => {
      setPhase('open')
      send(JSON.stringify({ type: 'auth', token }))
    }
    made.onmessage = ({ data }) => {
      const text = String(data)
      const type = typeOf(text)
      log('in', type, text, size(text))
      if (type === 'tick' && answers.current) send('{"type":"pong","painted":{},"visible":true,"tabs":1}')
    }
    made.onclose = ({ code, reason }) => {
      if (socket.current === made) setPhase('closed')
      log('note', `closed ${code}`, explain(code, reason))
    }
  }, [log, send])

  useEffect(
    () => () => {
      const open = socket.current
      if (!open) return
      open.onopen = open.onmessage = open.onclose = null
      open.close(1000)
    },
    [],
  )

  return { frames, phase, problem, connect, disconnect, send, clear: () => setFrames([]) }
}

function typeOf(text: string): string {
  try {
    return String((JSON.parse(text) as { type?: unknown }).type ?? '?')
  } catch {
    return '?'
  }
}

/** A token is never shown, not even to the one who holds it: people share screens. */
function blotted(text: string): string {
  return text.replace(/("token"\s*:\s*")[^"]*"/g, '$1…"')
}

const size = (text: string) => new TextEncoder().encode(text).length

/** A frame over several lines; what is no JSON stays as it is. */
export function laidOut(text: string): string {
  try {
    return JSON.stringify(JSON.parse(text), null, 2)
  } catch {
    return text
  }
}
