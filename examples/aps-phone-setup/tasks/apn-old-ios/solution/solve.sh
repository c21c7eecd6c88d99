#!/bin/bash
set -eu
/app/aps line l-5002
/app/aps device iPhone 11
/app/aps network Vela
/app/aps guide ios 16.7 apn
/app/aps reply c-2002 --outcome answered --apn web.vela.aps --apn-user aps --apn-password aps --menu "Settings > Mobile Data > Mobile Data Network" --next restart \
  --text "Hello Bea, open Settings > Mobile Data > Mobile Data Network. Under Mobile Data, type web.vela.aps as the
APN, user name aps, password aps. Go back, and restart the phone."
