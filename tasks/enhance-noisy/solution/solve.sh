#!/bin/bash
set -eu
/app/glowup photo p-2005
/app/glowup article a-103
/app/glowup enhance p-2005 --preset denoise
/app/glowup reply u-3007 --outcome done --preset denoise --cost 2 --credits 9 --original kept --text "Hello Sam, done: the grain is out of a copy of p-2005, and your original is unchanged. That was 2
credits, so you have 9 left."
