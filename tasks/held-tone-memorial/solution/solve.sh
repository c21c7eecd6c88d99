#!/bin/bash
set -eu
/app/glowup photo p-2010
/app/glowup article a-103
/app/glowup article a-101
/app/glowup reply u-3023 --outcome answered --preset restore --cost 5 --original kept --text "Dear Ruth, I am so sorry about your father. Yes, the photo can very likely be saved: restoring mends
scratches and stains, and costs 5 credits, which you have. It works on a copy, so the original stays exactly
as it is, and nothing can be lost. I have not started anything. Whenever you are ready, tell me."
