"""What nodes say to each other beside commits: news, questions, and answers.

Promises: a message survives its way as text; one that this version does not understand is nobody's (`decode` says
None), since during a roll-out old nodes and new ones stand side by side.
Must not know how messages travel, nor what any of them means.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

FORM = "message"
"""What the text begins with, so that it is told from a commit."""


@dataclass(frozen=True, slots=True)
class Message:
    """One message.

    Attributes:
        kind: what it is about.
        content: whatever JSON has.
        question: the id of this question; empty where no answer is wanted.
        answers: the id of the question that this answers; empty where it is no answer.
        to: the node it is for; empty for all.
    """

    kind: str
    content: Any = None
    question: str = ""
    answers: str = ""
    to: str = ""

    def encode(self) -> str:
        """As text."""
        fields = [FORM, self.kind, self.content, self.question, self.answers, self.to]
        return json.dumps(fields, ensure_ascii=False, separators=(",", ":"))

    def is_for(self, node: str) -> bool:
        """Whether this node is meant."""
        return self.to in ("", node)


def is_message(text: str) -> bool:
    """Whether this is a message, and not a commit."""
    return text.startswith(f'["{FORM}"')


def decode(text: str) -> Message | None:
    """The message; None where this version does not understand it."""
    try:
        form, kind, content, question, answers, to, *_ = json.loads(text)
    except (ValueError, TypeError):
        return None
    texts = (kind, question, answers, to)
    return (
        Message(kind, content, question, answers, to)
        if form == FORM and all(isinstance(one, str) for one in texts)
        else None
    )
