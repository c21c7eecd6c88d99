#!/bin/bash
set -eu
/app/glowup photo p-2003
/app/glowup article a-103
/app/glowup enhance p-2003 --preset restore
/app/glowup reply u-3026 --outcome done --preset restore --cost 5 --credits 11 --original kept --text "Hello Ivan, your grandmother's picture is mended, and the original is kept beside it. It took 5 credits, so
you have 11 left."
