#!/bin/bash
set -eu
/app/aps line l-5002
/app/aps device iPhone 11
/app/aps network Vela
/app/aps guide ios 16.7 apn
cat > /app/answer.txt <<'END'
Hello Bea, open Settings > Mobile Data > Mobile Data Network. Under Mobile Data, type web.vela.aps as the
APN, user name aps, password aps. Go back, and restart the phone.
END
