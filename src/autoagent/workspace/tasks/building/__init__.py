"""What a task's environment is built of: read and checked, never run here.

A `dockerfile` (with `shell_words`) comes to a `recipe` that a sandbox can follow; `build_context`
is what it copies, `shelf` where the images are that it starts from, and `oci` what those say.
`compose` and `services` are what is started beside it.
"""
