#!/bin/bash
set -eu
/app/glowup photo p-2001
/app/glowup article a-103
/app/glowup article a-101
/app/glowup reply u-3004 --outcome answered --preset light --cost 1 --original kept --text "Hello Lucia, the light preset is right for p-2001: the photo is underexposed. It costs 1 credit and
makes a copy, so your original stays as it is. I have not started anything; tell me if I should."
