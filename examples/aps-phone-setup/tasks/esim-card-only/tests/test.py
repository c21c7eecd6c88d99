"""An iPhone 8 takes cards only: no e-SIM is issued, and the customer hears why."""

from aps import Aps

desk = Aps("c-2006")
desk.looked_up("device", "*")
desk.changed()
desk.says("outcome", "refused")
desk.says("reason", "card-only")
desk.says_some("next", "use-card", "other-phone")
desk.kept_to("l-5006")
desk.close()
