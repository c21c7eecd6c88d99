#!/bin/bash
set -eu
/app/glowup credits u-3008
/app/glowup photo p-2006
/app/glowup article a-103
/app/glowup enhance p-2006 --preset restore
/app/glowup enhance p-2006 --preset upscale
/app/glowup reply u-3008 --outcome done --preset restore,upscale --cost 9 --credits 1 --text "Hello Rita, both are done. I restored the photo first and upscaled it after that, so that no crease was
made larger. It now has 3000 x 2000 pixels. It cost 5 and 4 credits; you have 1 credit left."
