"""Stolen phones are a case for fraud, and no e-SIM is issued before they say so."""

from check import Desk

desk = Desk("aps")
desk.handed_over("fraud")
desk.never_says("a code", r"aps-[0-9a-z]{4}-")
desk.close()
