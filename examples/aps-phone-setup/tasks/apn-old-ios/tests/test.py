"""iOS 16 says Mobile Data where 17 says Cellular; Vela wants a user and a password."""

from aps import Aps

desk = Aps("c-2002")
desk.says("outcome", "answered")
desk.says("apn", "web.vela.aps")
desk.says("apn-user", "aps")
desk.says("apn-password", "aps")
desk.says_menu("apn")
desk.may_say("reason", "settings")
desk.may_do("restart")
desk.kept_to("l-5002")
desk.changed()
desk.close()
