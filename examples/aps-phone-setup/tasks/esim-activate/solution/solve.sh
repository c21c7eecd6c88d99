#!/bin/bash
set -eu
/app/aps line l-5005
/app/aps esim l-5005
/app/aps guide ios 18.2 esim
/app/aps reply c-2005 --outcome answered --menu "Settings > Cellular > Add eSIM > Use QR Code > Enter Details Manually" --server smdp.aps.example --code APS-7Q4K-22 --next use-wifi \
  --text "Hello Emil, with Wi-Fi on, open Settings > Cellular > Add eSIM > Use QR Code > Enter Details Manually.
Enter the SM-DP+ address smdp.aps.example and the activation code APS-7Q4K-22."
