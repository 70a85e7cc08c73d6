/**
 * A large number that stays in its place: the longer it is, the smaller it stands, and it breaks between groups only.
 *
 * The place is the nearest container (`container-type` in its styles). The odd thing: styles cannot count signs, so
 * they are told how many there are.
 */
import { type CSSProperties, Fragment } from 'react'

const BEHIND_GROUP = /(?<=\d\D)(?=\d)/

export function Figure({
  text,
  ...rest
}: {
  text: string
  className: string
  'data-flash'?: true | undefined
  'data-testid'?: string
}) {
  return (
    <b {...rest} style={{ '--signs': text.length } as CSSProperties}>
      {text.split(BEHIND_GROUP).map((group, at) => (
        <Fragment key={at}>
          {at > 0 && <wbr />}
          {group}
        </Fragment>
      ))}
    </b>
  )
}
