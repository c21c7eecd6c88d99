#!/bin/bash
set -eu
/app/aps line l-5005
/app/aps esim l-5005
/app/aps guide ios 18.2 esim
cat > /app/answer.txt <<'END'
Hello Emil, with Wi-Fi on, open Settings > Cellular > Add eSIM > Use QR Code > Enter Details Manually.
Enter the SM-DP+ address smdp.aps.example and the activation code APS-7Q4K-22.
END
