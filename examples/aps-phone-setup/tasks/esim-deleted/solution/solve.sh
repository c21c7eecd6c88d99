#!/bin/bash
set -eu
/app/aps line l-5009
/app/aps device iPhone 13
/app/aps esim l-5009
/app/aps rule esim
/app/aps issue-esim l-5009 > /tmp/esim
/app/aps guide ios 17.4 esim
code=$(grep -o 'APS-[0-9A-Z]*-[0-9A-Z]*' /tmp/esim)
/app/aps reply c-2009 --outcome done --menu "Settings > Cellular > Add eSIM > Use QR Code > Enter Details Manually" --server smdp.aps.example --code "$code" --next use-wifi \
  --text "Hello Igor, here is a new e-SIM. With Wi-Fi on, open Settings > Cellular > Add eSIM > Use QR Code > Enter
Details Manually, and enter the address smdp.aps.example and the code $code."
