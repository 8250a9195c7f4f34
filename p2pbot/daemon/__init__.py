"""Thin loops: each pumps a door into a pure core and carries out what the core says.

Promise: expected trouble (anything in ``p2pbot.errors`` that is not OurError) stays in its loop as data; everything
else ends the TaskGroup. No loop returns: a root task that returns is a bug too.
"""
