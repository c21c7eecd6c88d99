"""Between the candidate and its verifier, in containers.

`judging` holds a container against its image, by its changes and its `remains`; `unseen` reads what
a daemon does not tell, `restoring` puts the image's home back, and `watching` sees foreign hands.
"""
