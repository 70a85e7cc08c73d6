/**
 * Frame playground: a real live connection with the operator's own token, every frame with its time, and the frames
 * that an operator may send.
 */
import { Button, Switch, Textarea, TextInput } from '@mantine/core'
import { IconArrowDown, IconArrowUp, IconInfoCircle, IconPlugConnected } from '@tabler/icons-react'
import { useEffect, useRef, useState } from 'react'
import { announce } from '../announce'
import { Card } from '../components/Card'
import { ProblemPanel } from '../components/ProblemPanel'
import { useOnline } from '../live'
import { adviceOf, CLOSES } from './closes'
import { type Logged, laidOut, type Phase, useFrames } from './connection'

const LISTS = ['users', 'audit', 'broadcasts', 'orders', 'vouchers', 'history']

export default function Playground() {
  const online = useOnline()
  const [answers, setAnswers] = useState(true)
  const { frames, phase, problem, connect, disconnect, send, clear } = useFrames(answers)
  useSpoken(phase)

  return (
    <div className="tool-grid">
      <div className="tool-side">
        <Card title="Connection">
          <div className="card-body tool-form">
            <p className="hint">
              Opens a WebSocket to this server with your own live token, as the console does for itself. It
              sees what you may see.
            </p>
            {problem && <ProblemPanel title="No token could be had" problem={problem} />}
            <Switch
              size="sm"
              label="Answer ticks by pong"
              checked={answers}
              onChange={(event) => setAnswers(event.currentTarget.checked)}
            />
            {phase === 'closed' ? (
              <Button
                disabled={!online}
                leftSection={<IconPlugConnected size={16} />}
                onClick={() => void connect()}
              >
                Connect
              </Button>
            ) : (
              <Button variant="default" onClick={disconnect}>
                Disconnect
              </Button>
            )}
          </div>
        </Card>
        <Senders open={phase === 'open'} send={send} />
        <Closes />
      </div>
      <Card
        title="Frames"
        count={frames.length}
        action={
          frames.length > 0 && (
            <Button size="compact-sm" variant="subtle" color="gray" className="quiet" onClick={clear}>
              Clear
            </Button>
          )
        }
      >
        {frames.length === 0 ? (
          <p className="nothing">
            Connect, and every frame stands here with its time, newest first. Then watch a user and change
            their credits in another tab.
          </p>
        ) : (
          <ol className="frames" aria-label="Frames, newest first">
            {frames.map((frame) => (
              <Frame key={frame.id} frame={frame} />
            ))}
          </ol>
        )}
      </Card>
    </div>
  )
}

function useSpoken(phase: Phase) {
  const before = useRef<Phase>('closed')
  useEffect(() => {
    if (before.current === phase) return
    before.current = phase
    if (phase === 'open') announce('Connected')
    if (phase === 'closed') announce('Disconnected')
  }, [phase])
}

function Senders({ open, send }: { open: boolean; send: (text: string) => void }) {
  const [users, setUsers] = useState('')
  const [lists, setLists] = useState(['history'])
  const [own, setOwn] = useState('{"type": "resync"}')
  const names = users.split(/[\s,]+/).filter(Boolean)
  const frame = (type: string, fields: object = {}) => send(JSON.stringify({ type, ...fields }))
  const toggle = (list: string) =>
    setLists((before) => (before.includes(list) ? before.filter((one) => one !== list) : [...before, list]))

  return (
    <Card title="Send">
      <div className="card-body tool-form">
        <TextInput
          label="Users to watch"
          description="Ids, with commas between them"
          autoComplete="off"
          spellCheck={false}
          value={users}
          onChange={(event) => setUsers(event.currentTarget.value)}
        />
        <div className="send-row">
          <Send
            open={open && names.length > 0}
            name="watch"
            onSend={() => frame('watch', { users: names })}
          />
          <Send
            open={open && names.length > 0}
            name="unwatch"
            onSend={() => frame('unwatch', { users: names })}
          />
        </div>
        <fieldset className="send-lists">
          <legend>Lists to follow</legend>
          {LISTS.map((list) => (
            <label key={list} className="send-list">
              <input type="checkbox" checked={lists.includes(list)} onChange={() => toggle(list)} />
              {list}
            </label>
          ))}
        </fieldset>
        <div className="send-row">
          <Send open={open} name="follow" onSend={() => frame('follow', { lists })} />
          <Send open={open} name="resync" onSend={() => frame('resync')} />
          <Send
            open={open}
            name="pong"
            onSend={() => frame('pong', { painted: {}, visible: true, tabs: 1 })}
          />
        </div>
        <Textarea
          label="Any other frame"
          autosize
          minRows={2}
          maxRows={8}
          spellCheck={false}
          classNames={{ input: 'mono token-text' }}
          value={own}
          onChange={(event) => setOwn(event.currentTarget.value)}
        />
        <div className="send-row">
          <Send open={open && own.trim() !== ''} name="this frame" onSend={() => send(own)} />
        </div>
      </div>
    </Card>
  )
}

function Send({ open, name, onSend }: { open: boolean; name: string; onSend: () => void }) {
  return (
    <Button size="compact-sm" variant="default" disabled={!open} onClick={onSend}>
      Send {name}
    </Button>
  )
}

const clock = new Intl.DateTimeFormat(undefined, {
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
  fractionalSecondDigits: 3,
})

const LOOKS = {
  in: { icon: IconArrowDown, name: 'received' },
  out: { icon: IconArrowUp, name: 'sent' },
  note: { icon: IconInfoCircle, name: 'connection' },
} as const

function Frame({ frame }: { frame: Logged }) {
  const { icon: Icon, name } = LOOKS[frame.direction]
  return (
    <li className="frame" data-direction={frame.direction}>
      <details open={frame.direction === 'note'}>
        <summary>
          <Icon size={15} aria-hidden />
          <span className="visually-hidden">{name}</span>
          <b>{frame.type}</b>
          {frame.bytes > 0 && <span className="dimmed small numeral">{frame.bytes} bytes</span>}
          <time className="dimmed small numeral" dateTime={new Date(frame.at).toISOString()}>
            {clock.format(frame.at)}
          </time>
        </summary>
        {frame.direction === 'note' ? (
          <p className="frame-note">{frame.text}</p>
        ) : (
          // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by the keyboard
          <pre tabIndex={0}>{laidOut(frame.text)}</pre>
        )}
      </details>
    </li>
  )
}

function Closes() {
  return (
    <details className="card closes">
      <summary>What close codes mean</summary>
      <ul className="close-list">
        {CLOSES.map(({ code, name, says }) => (
          <li key={code}>
            <code>
              {code} {name}
            </code>
            <span>{says}</span>
            <span className="small dimmed">Then: {adviceOf(code)}</span>
          </li>
        ))}
      </ul>
    </details>
  )
}
