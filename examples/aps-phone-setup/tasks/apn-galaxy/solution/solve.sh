#!/bin/bash
set -eu
/app/aps line l-5001
/app/aps device Galaxy S23
/app/aps network Norda
/app/aps diagnose l-5001
/app/aps guide oneui 6.1 apn
/app/aps reply c-2001 --outcome answered --reason settings --apn data.norda.aps --apn-user none --apn-password none --menu "Settings > Connections > Mobile networks > Access Point Names" --next restart \
  --text "Hello Abel, open Settings > Connections > Mobile networks > Access Point Names, add a new one, and enter
data.norda.aps as its APN. User and password stay empty. Save it, choose it, and restart the phone."
