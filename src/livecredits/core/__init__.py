"""The rules, free of I/O: no database, no clock, no random numbers, no asyncio, no logging.

Whatever a rule needs from outside (the rows, the time, fresh ids) is passed in, so that every rule can be run a
million times a minute with made-up time. An import contract holds this folder to it.
"""
