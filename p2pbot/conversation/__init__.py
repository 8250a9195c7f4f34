"""What to do about an order's chat, as pure functions and state tables: no clock, no randomness, no I/O of its own.

Promise: the same (state, event, now) gives the same answer; every answer that concerns a person carries a ``Reason``.
"""
