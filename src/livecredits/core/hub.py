"""Who is told what, and when: the state machine of live delivery, without a socket, a clock or a task.

Events go in by the methods of `Hub`; what is to be done comes out of `take()`. This half decides who may come in,
what a client may say and what happens by time alone; `delivery.py` brings the states to the screens. It promises:

- a connection proves who it is in time, or ends; a token that ends, or is revoked, ends its screens;
- a frame that was lost is found by the next tick, within one heartbeat; a screen that is silent for one and a half
  heartbeats is gone;
- no client can make the hub keep more, or read more often, than the limits say.

Must not know: sockets, asyncio, the database, randomness (passed in), or wall-clock time (passed in).
The odd thing: a verdict is carried out twice: `closes` tells the client, and `cuts` ends the connection of one that
does not go.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from livecredits.core import wire
from livecredits.core.delivery import Delivery
from livecredits.core.screen import Admitted, Phase, Screen

if TYPE_CHECKING:
    from collections.abc import Iterable

LEAVING_WINDOW_MS = 1_000
"""Who is sent away one after the other comes back within this time: it is their order that spreads them."""
TOLD_LIMIT = 16
"""So many frames may come in while a token is being checked."""


@dataclass(slots=True)
class Leaving:
    """Screens that are sent away one after the other.

    Attributes:
        screens: who is still to go.
        count: how many there were.
        since_ms: when the first went.
        over_ms: so long later the last one goes.
    """

    screens: list[Screen]
    count: int
    since_ms: int
    over_ms: int

    def due(self, now_ms: int) -> list[Screen]:
        """Who goes now; they are not among `screens` any more."""
        share = min(1.0, (now_ms - self.since_ms) / self.over_ms)
        stay = self.count - int(self.count * share)
        going, self.screens = self.screens[stay:], self.screens[:stay]
        return going


class Hub(Delivery):
    """The delivery state machine of one process; `Delivery` says how it is made."""

    _leaving: Leaving | None = None

    # --- a screen comes -------------------------------------------------------------------------------------

    def joined(
        self, link: Any, carrier: int, *, address: str, user_agent: str, now_ms: int, now_us: int
    ) -> Screen:
        """A connection was accepted; it has `auth_ms` to say who it is."""
        screen = Screen(self._new_id(), link, carrier, address, user_agent, now_us, now_ms)
        self.counts.joined += 1
        self.screens[screen.id] = screen
        here = self._per_address[address] = self._per_address.get(address, 0) + 1
        if self.draining:
            self.close(screen, wire.RESTARTING, now_ms)
        elif here > self.limits.per_address:
            self.close(
                screen, wire.TOO_MANY_SCREENS.because("Too many open screens from this address."), now_ms
            )
        else:
            self._wake(screen, now_ms + self.limits.auth_ms)
        return screen

    # --- who it is ------------------------------------------------------------------------------------------

    def admitted(self, screen: Screen, who: Admitted, now_ms: int) -> None:
        """The token was good: of the first `auth`, or of a later one that renews it."""
        if screen.phase is Phase.CHECKING:
            self._admit(screen, who, now_ms)
        elif screen.phase < Phase.CLOSING and screen.renewing:
            screen.renewing = False
            before = screen.who
            if before is None or (before.kind, before.id, before.user_id) != (who.kind, who.id, who.user_id):
                self.close(screen, wire.FORBIDDEN.because("The new token is somebody else's."), now_ms)
            else:
                screen.who = who
                self._wake(screen, min(screen.due_ms, who.expires_ms or screen.due_ms))

    def refused(self, screen: Screen, verdict: wire.Close, now_ms: int) -> None:
        """The token was not good."""
        self.close(screen, verdict, now_ms)

    def _admit(self, screen: Screen, who: Admitted, now_ms: int) -> None:
        if who.user_id is None and not who.may_watch:
            return self.close(screen, wire.FORBIDDEN.because("This key lacks the scope live."), now_ms)
        if who.user_id is not None:
            here = self._per_user.get(who.user_id, 0)
            if here >= self.limits.per_user:
                return self.close(
                    screen, wire.TOO_MANY_SCREENS.because("Too many open screens of this user."), now_ms
                )
            self._per_user[who.user_id] = here + 1
            audience = self._attend(screen, who.user_id)
            audience.own = (*audience.own, screen)
        screen.who = who
        claim = self._claims.pop(screen, None)
        # Not before: the first screens after a start come while the ledger's epoch is not known yet.
        if claim is not None and (claim.epoch == self.epoch or claim.epoch in self.former_epochs):
            screen.painted = dict(claim.held or {})
        told, screen.told = screen.told, None
        self._begin_hello(screen)
        for frame in told or ():  # a `watch` that came right behind the token belongs into the first hello
            self.heard(screen, frame, now_ms)
        self._greet(screen)
        if screen.phase < Phase.CLOSING:
            self._wake(screen, self._next_tick(screen, now_ms, early=True))
        return None

    # --- what clients say -----------------------------------------------------------------------------------

    def heard(self, screen: Screen, frame: wire.ClientFrame, now_ms: int) -> None:
        """A client frame came in whole."""
        screen.heard_ms = now_ms
        if screen.phase >= Phase.CLOSING or not self.counted(screen, now_ms):
            return
        if isinstance(frame, wire.Auth):
            self._check(screen, frame, now_ms)
        elif screen.phase is Phase.OPENING:
            self.close(screen, wire.PROTOCOL_ERROR.because("The first frame must be auth."), now_ms)
        elif screen.phase is Phase.CHECKING:
            self._keep(screen, frame, now_ms)
        elif isinstance(frame, wire.Pong | wire.Shown):
            self._painted(screen, frame, now_ms)
        elif isinstance(frame, wire.Resync):
            self.counts.resyncs += 1
            self._resync(screen)
        elif screen.who is None or not screen.who.may_watch:
            self.close(screen, wire.FORBIDDEN.because("A screen token sees its own user only."), now_ms)
        elif isinstance(frame, wire.Watch):
            self._watch(screen, frame, now_ms)
        elif isinstance(frame, wire.Unwatch):
            self._unwatch(screen, frame.users)
        else:
            self._follow(screen, frame.lists)

    def counted(self, screen: Screen, now_ms: int) -> bool:
        """Count one incoming frame, control frames included; False where it was one too many."""
        screen.frames += 1
        if screen.frames <= self.limits.frames:
            return True
        self.close(screen, wire.TOO_FAST, now_ms)
        return False

    def _check(self, screen: Screen, frame: wire.Auth, now_ms: int) -> None:
        if screen.phase is Phase.CHECKING or screen.renewing:
            return self.close(screen, wire.PROTOCOL_ERROR.because("One auth frame at a time."), now_ms)
        if screen.phase is Phase.OPENING:
            screen.phase = Phase.CHECKING
            self._wake(screen, now_ms + self.limits.auth_ms)
            if frame.held:
                self._claims[screen] = frame
        else:
            screen.renewing = True
        self._out.checks.append((screen, frame.token))
        return None

    def _keep(self, screen: Screen, frame: wire.ClientFrame, now_ms: int) -> None:
        screen.told = screen.told or []
        screen.told.append(frame)
        if len(screen.told) > TOLD_LIMIT:
            self.close(screen, wire.TOO_FAST.because("Too many frames before the token was checked."), now_ms)

    def _painted(self, screen: Screen, frame: wire.Pong | wire.Shown, now_ms: int) -> None:
        if frame.tabs is not None:
            screen.tabs = frame.tabs
        if (
            (screen.due is not None or screen.crowd is not None)
            and screen.who is not None
            and screen.who.user_id is not None
        ):
            newest = self.audiences[screen.who.user_id].versions
            self.receipts.told(screen, frame.painted, newest, now_ms, visible=frame.visible)
        screen.answered_ms = now_ms
        screen.painted = dict(frame.painted) or None
        screen.visible = frame.visible
        self._doubt(screen)

    def _watch(self, screen: Screen, frame: wire.Watch, now_ms: int) -> None:
        users = frame.users
        watched = screen.watched = screen.watched or {}
        added = [user_id for user_id in users if user_id not in watched]
        if len(watched) + len(added) > self.limits.watched:
            return self.close(
                screen, wire.FORBIDDEN.because(f"At most {self.limits.watched} users at once."), now_ms
            )
        for user_id in added:
            audience = watched[user_id] = self._attend(screen, user_id)
            if screen.wait is not None:
                screen.wait.add(user_id)
            self._read(audience, screen)
        if frame.open:
            self.lease(users, now_ms)
            self._out.leases += users
        return None

    def lease(self, users: Iterable[str], now_ms: int) -> None:
        """An operator has these users' pages open, here or on another node."""
        for user_id in users:
            audience = self.audiences.get(user_id)
            if audience is not None:
                self.receipts.lease(audience, now_ms)

    def _follow(self, screen: Screen, lists: tuple[str, ...]) -> None:
        screen.follows = lists
        if lists:
            self._followers[screen] = None
        else:
            self._followers.pop(screen, None)

    def _unwatch(self, screen: Screen, users: Iterable[str]) -> None:
        for user_id in users:
            audience = (screen.watched or {}).pop(user_id, None)
            if audience is None:
                continue
            self._depart(screen, audience)
            for kept in (screen.slot, screen.gathered):
                for key in [key for key in kept or () if key[0] == user_id]:
                    del (kept or {})[key]
            if screen.wait is not None:
                screen.wait.discard(user_id)
                self._greet(screen)

    # --- time -----------------------------------------------------------------------------------------------

    def turn(self, now_ms: int) -> None:
        """Do what is due: ticks, silence, tokens that end, screens that do not go, gathered hints."""
        stood_still = self._wheel.stands_still(now_ms)
        early: dict[Screen, None] = {}
        for screen in self._wheel.turn(now_ms):
            if screen.phase is Phase.GONE:
                continue
            if screen.due_ms <= now_ms:
                self._due(screen, now_ms)
            elif stood_still:
                early[screen] = None
        for screen in early:
            self._wheel.add(screen, screen.due_ms)
        if self._leaving is not None:
            self._send_some_away(self._leaving, now_ms)
        self.receipts.turn(now_ms)
        self._flush_hints()

    def _due(self, screen: Screen, now_ms: int) -> None:
        who = screen.who
        if screen.phase is Phase.CLOSING:
            self._out.cuts.append(screen)
        elif screen.phase is Phase.OPENING:
            self.close(screen, wire.AUTH_TIMEOUT, now_ms)
        elif screen.phase is Phase.CHECKING:
            self.close(screen, wire.OVERLOADED.because("The token could not be checked in time."), now_ms)
        elif now_ms - screen.heard_ms > self.limits.silence_ms:
            self.close(screen, wire.NO_ANSWER, now_ms)
        elif who is not None and who.expires_ms is not None and who.expires_ms <= now_ms:
            self.close(screen, wire.TOKEN_EXPIRED, now_ms)
        else:
            self._tick(screen)
            # Whoever says nothing until then is gone, and is found out then and not with the tick after it.
            silent_ms = screen.heard_ms + self.limits.silence_ms + 1
            self._wake(screen, min(self._next_tick(screen, now_ms), silent_ms))

    def _tick(self, screen: Screen) -> None:
        screen.frames = 0
        screen.doubted = False
        if screen.paused:
            return  # its slot tells it all once it reads again
        if screen.phase is Phase.LIVE and screen.who is not None:
            user_id = screen.who.user_id
            if user_id is not None:
                text = wire.tick_text(self.epoch, self.audiences[user_id].versions)
            else:
                text = wire.tick_text(self.epoch, {}, _versions_told(screen))
            self._send(screen, text)
            self.counts.ticks += 1
        if screen.carrier == wire.SOCKET:
            self._out.sends.append((screen, wire.PING))

    def _next_tick(self, screen: Screen, now_ms: int, *, early: bool = False) -> int:
        """A heartbeat ± 10 %; the first one anywhere in it, so that a storm of reconnects spreads out."""
        share = 0.2 + 0.8 * self._random() if early else 0.9 + 0.2 * self._random()
        due_ms = now_ms + int(self.limits.heartbeat_ms * share)
        who = screen.who
        return due_ms if who is None or who.expires_ms is None else min(due_ms, who.expires_ms)

    def reread(self, count: int) -> None:
        """Ask for the states of the next `count` audiences, round and round: what no hand-over brought is found."""
        if not self._unread:
            self._unread = list(self.audiences.values())
        for _ in range(min(count, len(self._unread))):
            audience = self._unread.pop()
            if self.audiences.get(audience.user_id) is audience and audience.known:
                self._ask(audience)

    # --- the end --------------------------------------------------------------------------------------------

    def revoke(self, now_ms: int, *, user_id: str | None = None, session_id: str | None = None) -> int:
        """Close the screens of a user's tokens, or of an operator's session.

        Returns:
            How many were closed.
        """
        told = [
            screen
            for screen in self.screens.values()
            if screen.who is not None
            and (
                (user_id is not None and screen.who.user_id == user_id)
                or (session_id is not None and screen.who.session_id == session_id)
            )
        ]
        for screen in told:
            self.close(screen, wire.TOKEN_REVOKED, now_ms)
        return len(told)

    def drain(self, now_ms: int, *, over_ms: int = 0) -> None:
        """Let nobody in any more, and say goodbye to everybody.

        Args:
            now_ms: the hub's clock.
            over_ms: 0 says it to all at once, with windows that grow with their number, 1 ms each; otherwise they are
                sent away one after the other in so long, and served meanwhile.
        """
        self.draining = True
        if over_ms:
            return self.send_away(now_ms, over_ms)
        self._leaving = None
        window_ms = min(max(3_000, len(self.screens)), 15_000)
        for screen in list(self.screens.values()):
            self._say_goodbye(screen, window_ms, now_ms)
        return None

    def send_away(self, now_ms: int, over_ms: int) -> None:
        """Have all screens that are open now connect anew, a share of them with each turn, in so long."""
        screens = list(self.screens.values())
        self._leaving = Leaving(screens, len(screens), now_ms, over_ms)

    def _send_some_away(self, leaving: Leaving, now_ms: int) -> None:
        for screen in leaving.due(now_ms):
            if screen.is_open:
                self._say_goodbye(screen, LEAVING_WINDOW_MS, now_ms)
        if not leaving.screens:
            self._leaving = None

    def _say_goodbye(self, screen: Screen, window_ms: int, now_ms: int) -> None:
        if not screen.paused:
            self._send(screen, wire.bye_text("draining", 0, window_ms))
        self.close(screen, wire.RESTARTING, now_ms)


def _versions_told(screen: Screen) -> dict[str, dict[str, int]]:
    """Of the users it watches, those whose states it was told: the others are still being read for it."""
    return {
        user_id: audience.versions
        for user_id, audience in (screen.watched or {}).items()
        if not audience.awaits(screen)
    }
