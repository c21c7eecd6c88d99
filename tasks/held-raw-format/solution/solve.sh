#!/bin/bash
set -eu
/app/glowup search RAW files upload
/app/glowup article a-106
/app/glowup reply u-3025 --outcome answered --reason format --next convert-files --format jpeg,tiff --text "Hello Maya, your pictures are fine. NEF is a camera RAW format, which Glowup does not read. Export them as
JPEG or TIFF in your camera maker's program and upload those."
