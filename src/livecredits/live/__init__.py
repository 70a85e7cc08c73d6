"""Live delivery on asyncio: the shell around the pure hub, and the carriers that reach a screen.

`shell.Live` is what the rest of the package talks to; `protocol` serves it inside uvicorn at the least cost per
connection, `endpoint` under any ASGI server.
"""
