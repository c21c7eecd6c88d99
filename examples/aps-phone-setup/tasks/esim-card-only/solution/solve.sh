#!/bin/bash
set -eu
/app/aps line l-5006
/app/aps device iPhone 8
/app/aps rule esim
/app/aps reply c-2006 --outcome refused --reason card-only --next use-card,other-phone \
  --text "Hello Fay, your iPhone 8 takes SIM cards only, so an e-SIM cannot be installed on it, and I have left
your line as it is. With a newer phone, write again and we switch at once."
