#!/bin/bash
set -eu
/app/glowup credits u-3001
/app/glowup search what credits buy
/app/glowup article a-101
cat > /app/answer.txt <<'END'
Hello Mara, you have 12 credits left, and you can spend them until 30 November 2026. That is enough to
restore two old photos (5 credits each), or to brighten twelve with the light preset (1 credit each).
END
