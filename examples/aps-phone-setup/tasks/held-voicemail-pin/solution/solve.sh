#!/bin/bash
set -eu
/app/aps voicemail l-5011
/app/aps reset-pin l-5011
/app/aps reply c-2011 --outcome done --pin text --dial 121 \
  --text "Hello Kofi, a new PIN is on its way to your phone as a text. Call 121 and use it."
