"""What the cache of the dynamic loader says; which of it is tampering is `steering`'s to say."""

X86_64, I386 = 0x303, 3
"""Kinds of libraries; no program of the one loads one of the other."""


def cached_libraries(cache: bytes) -> set[tuple[int, bytes, bytes]] | None:
    """Kinds (32 bits, 64 bits, …), names and paths in a loader's cache (glibc, `dl-cache.h`).

    None where it is another thing.
    """
    if cache[:20] != b"glibc-ld.so.cache1.1":
        return None
    count, found = int.from_bytes(cache[20:24], "little"), set[tuple[int, bytes, bytes]]()

    def text(at: int) -> bytes:
        start = int.from_bytes(cache[at : at + 4], "little")
        return cache[start : cache.find(b"\0", start)]

    for entry in range(48, min(48 + 24 * count, len(cache)), 24):
        kind = int.from_bytes(cache[entry : entry + 4], "little")
        found.add((kind, text(entry + 4), text(entry + 8)))
    return found
