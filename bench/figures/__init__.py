"""One module per figure: `TITLE`, and `measure(run) -> Figure`. The order here is that of the run and of the page."""

NAMES = (
    "delivery",
    "memory",
    "library",
    "postgres",
    "growth",
    "moving",
    "posts",
    "latency",
    "batch",
    "receipts",
    "painted",
    "start",
    "nodes",
)
