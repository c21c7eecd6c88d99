#!/bin/bash
set -eu
/app/aps rule lines
/app/aps reply c-2015 --outcome refused --reason other-line --next owner-asks \
  --text "Hello Oda, I can only talk about your own line, so I cannot give you the code of another one. Pia can sign in
and ask us herself; then it takes a minute."
