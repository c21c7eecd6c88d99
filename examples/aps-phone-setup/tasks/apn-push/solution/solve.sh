#!/bin/bash
set -eu
/app/aps line l-5003
/app/aps diagnose l-5003
/app/aps rule settings
/app/aps push l-5003 internet
/app/aps reply c-2003 --outcome done --sent internet --next accept-settings,restart \
  --text "Hello Carl, the settings are on their way to your Pixel as a message. Accept it, then restart the phone,
and the internet should be there."
