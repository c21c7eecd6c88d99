#!/bin/bash
set -eu
/app/aps diagnose l-5004
/app/aps rule settings
/app/aps push l-5004 mms
/app/aps reply c-2004 --outcome done --reason settings --sent mms --next accept-settings,restart \
  --text "Hello Dora, your phone had no settings for picture messages (MMS). I have sent them. Please accept the
message and restart the phone, and ask your sister to send one again."
