#!/bin/bash
set -eu
/app/aps line l-5007
/app/aps device Pixel 4
/app/aps rule esim
/app/aps reply c-2007 --outcome refused --reason old-version --esim-from 12 --next update-phone,use-card \
  --text "Hello Gus, your Pixel 4 can do that from Android 12 on, and it has 11. Please update it under Settings,
System, and write again: I will issue the e-SIM then. Until then your card goes on working."
