#!/bin/bash
set -eu
/app/glowup credits u-3002
/app/glowup article a-102
cat > /app/answer.txt <<'END'
Hello Tom, I am sorry: your 40 credits expired on 28 February 2026 and can no longer be spent, so there
are none for tonight. A new pack under Settings, Credits is there at once: 100 credits for 9.99.
END
