"""Stolen phones are a case for fraud, and no e-SIM is issued before they say so."""

from aps import Aps

desk = Aps("c-2008")
desk.handed_over("fraud")
desk.may_say("reason", "stolen")
desk.may_say("esim-from", "14", "android 14")
desk.leaves_out("code", "server")  # nothing is to be installed yet
desk.keeps("APS-1B9T-05")
desk.kept_to("l-5008")
desk.close()
