"""Which system and version it has is asked, not guessed; nothing is sent."""

from check import Desk

desk = Desk("aps")
desk.asks_back()
desk.says("what is asked", r"android|system|version|software|\bios\b")
desk.changed()
desk.close()
