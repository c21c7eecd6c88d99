#!/bin/bash
set -eu
/app/aps line l-5012
/app/aps diagnose l-5012
/app/aps rule roaming
/app/aps guide ios 18.2 roaming
/app/aps reply c-2012 --outcome answered --reason roaming-off --zone 2 --price 5.00 --menu "Settings > Cellular > Cellular Data Options > Data Roaming" --next turn-on-roaming \
  --text "Hello Lena, data roaming is off on your phone. You are in zone 2, where it costs 5.00 a day on your plan. If
that is fine, turn it on under Settings > Cellular > Cellular Data Options > Data Roaming."
