#!/bin/bash
set -eu
/app/glowup search RAW files upload
/app/glowup article a-106
cat > /app/answer.txt <<'END'
Hello Maya, your pictures are fine. NEF is a camera RAW format, which Glowup does not read. Export them as
JPEG or TIFF in your camera maker's program and upload those.
END
