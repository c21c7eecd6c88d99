"""The menu, the server and the code of the e-SIM that is ready; no new one is issued."""

from aps import Aps

desk = Aps("c-2005")
desk.says("outcome", "answered")
desk.says_menu("esim")
desk.says("server", "smdp.aps.example")
desk.says("code", "APS-7Q4K-22")
desk.may_do("use-wifi")
desk.kept_to("l-5005")
desk.changed()
desk.close()
