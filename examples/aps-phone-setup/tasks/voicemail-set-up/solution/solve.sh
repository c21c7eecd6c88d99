#!/bin/bash
set -eu
/app/aps voicemail l-5010
/app/aps set-up-voicemail l-5010
/app/aps reply c-2010 --outcome done --dial 121 --pin first-call \
  --text "Hello Jana, your voicemail is set up. Call 121 from your phone to listen; at the first call you choose a PIN."
