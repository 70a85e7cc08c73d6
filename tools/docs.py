"""Hold the documentation to what is there: every relative link, every heading it points at, every `make` target.

Pages are Markdown at the root, under docs/, and beside the web's packages and the examples. Links to other sites are
not followed: a check must give the same answer without a network.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FENCE = re.compile(r"^(```|~~~).*?^\1\s*$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)(?:\s+\"[^\"]*\")?\)")
HEADING = re.compile(r"^#{1,6}\s+(.+?)\s*#*$", re.MULTILINE)
TARGET = re.compile(r"^([a-z]+):", re.MULTILINE)
MAKE = re.compile(r"(?:^\s*|`)make ([a-z]+)\b", re.MULTILINE)


def pages() -> list[Path]:
    """Every Markdown page that a reader may open."""
    places = ("*.md", "docs/**/*.md", "web/*/*.md", "examples/*.md", "examples/*/*.md")
    return sorted(page for place in places for page in ROOT.glob(place))


def anchors(text: str) -> set[str]:
    """The names by which links reach the headings of a page, made as the usual renderers make them."""
    found: set[str] = set()
    for heading in HEADING.findall(FENCE.sub("", text)):
        plain = re.sub(r"[`*]|\]\([^)]*\)|\[", "", heading).lower()
        base = re.sub(r"[^\w\- ]", "", plain).replace(" ", "-")
        name, again = base, 0
        while name in found:
            again += 1
            name = f"{base}-{again}"
        found.add(name)
    return found


def faults() -> list[str]:
    """What leads nowhere; empty when all is well."""
    targets = set(TARGET.findall((ROOT / "Makefile").read_text()))
    found = []
    for page in pages():
        text = page.read_text()
        name = page.relative_to(ROOT)
        found += [
            f"{name}: no such target: make {word}" for word in MAKE.findall(text) if word not in targets
        ]
        found += [
            f"{name}: {link} leads nowhere"
            for link in LINK.findall(FENCE.sub("", text))
            if _is_dead(page, link)
        ]
    return found


def _is_dead(page: Path, link: str) -> bool:
    if re.match(r"[a-z]+:", link):
        return False
    path, _, anchor = link.partition("#")
    target = page.parent / path if path else page
    if not target.exists():
        return True
    return bool(anchor) and target.suffix == ".md" and anchor not in anchors(target.read_text())


if __name__ == "__main__":
    sys.exit("\n".join(faults()) or None)
