/**
 * What the close codes of a live connection mean, for people: the range is the advice, the name is the cause.
 *
 * A test holds this list to docs/protocol.md, which is made from the server's own.
 */

export interface Close {
  code: number
  name: string
  says: string
}

export const CLOSES: readonly Close[] = [
  { code: 4000, name: 'restarting', says: 'The server restarts; come back now.' },
  {
    code: 4001,
    name: 'no_answer',
    says: 'Nothing was heard from this screen for one and a half heartbeats.',
  },
  { code: 4100, name: 'overloaded', says: 'The server has too much to do; come back a little later.' },
  { code: 4101, name: 'internal', says: "The server failed; this is not the screen's fault." },
  { code: 4102, name: 'too_fast', says: 'Too many frames in one heartbeat.' },
  { code: 4200, name: 'token_expired', says: 'The token has expired; get a new one.' },
  { code: 4201, name: 'token_invalid', says: 'The token is not one of ours; get a new one.' },
  { code: 4202, name: 'token_revoked', says: 'The token or the session was revoked.' },
  { code: 4203, name: 'auth_timeout', says: 'No auth frame came in time.' },
  { code: 4300, name: 'malformed_frame', says: 'The frame is not one that this server understands.' },
  { code: 4301, name: 'forbidden', says: 'This token may not do that.' },
  { code: 4302, name: 'too_many_screens', says: 'Too many open screens.' },
  { code: 4303, name: 'origin_not_allowed', says: 'This origin may not connect.' },
  {
    code: 4304,
    name: 'protocol_error',
    says: 'The frames came in an order that the protocol does not have.',
  },
]

const BY_WEBSOCKET: Record<number, string> = {
  1000: 'Closed in order, by this side.',
  1001: 'The page or the server went away.',
  1002: 'A fault in the WebSocket framing; stay away.',
  1003: 'Not text; stay away.',
  1006: 'The line was cut without a word; reconnect with back-off.',
  1007: 'Not UTF-8; stay away.',
  1009: 'A frame was too big; stay away.',
}

/** What a client has to do after this code. */
export function adviceOf(code: number): string {
  if (code >= 4000 && code < 4100) return 'reconnect now'
  if (code >= 4100 && code < 4200) return 'reconnect with back-off'
  if (code >= 4200 && code < 4300) return 'get a new token, then reconnect'
  if (code >= 4300 && code < 4400) return 'stay away: the same would happen again'
  return ''
}

/** A close code in a sentence; the server's own reason says more where there is one. */
export function explain(code: number, reason: string): string {
  const known = CLOSES.find((close) => close.code === code)
  const said = reason || known?.says || BY_WEBSOCKET[code] || 'Reconnect with back-off.'
  const advice = adviceOf(code)
  return advice ? `${said} Advice: ${advice}.` : said
}
