#!/bin/bash
set -eu
/app/aps line l-5001
/app/aps device Galaxy S23
/app/aps network Norda
/app/aps guide oneui 6.1 apn
cat > /app/answer.txt <<'END'
Hello Abel, open Settings > Connections > Mobile networks > Access Point Names, add a new one, and enter
data.norda.aps as its APN. User and password stay empty. Save it, choose it, and restart the phone.
END
