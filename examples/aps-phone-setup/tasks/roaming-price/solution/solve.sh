#!/bin/bash
set -eu
/app/aps line l-5012
/app/aps diagnose l-5012
/app/aps rule roaming
/app/aps guide ios 18.2 roaming
cat > /app/answer.txt <<'END'
Hello Lena, data roaming is off on your phone. You are in zone 2, where it costs 5.00 a day on your plan. If
that is fine, turn it on under Settings > Cellular > Cellular Data Options > Data Roaming.
END
