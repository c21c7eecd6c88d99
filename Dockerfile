# AutoAgent itself: compose.yaml beside this runs it (docs/tiers.md, tier 2).
# Another base: --build-arg BASE=... (Debian or Ubuntu with Python 3.12 or newer and pip).
ARG BASE=python:3.12-slim-bookworm
FROM ${BASE}

RUN apt-get update \
    && apt-get install --yes --no-install-recommends ca-certificates git socat util-linux \
    && rm -rf /var/lib/apt/lists/*

# The locked versions, unless the base has them already: --build-arg INSTALL="--no-deps --offline"
ARG INSTALL="--constraints requirements.lock --build-constraints requirements.lock"
ARG EXTRAS="openai,chat,anthropic,standin"
WORKDIR /usr/src/autoagent
COPY pyproject.toml requirements.lock README.md LICENSE ./
COPY src/ src/
COPY examples/quickstart/ examples/quickstart/
# Compiled here: whoever runs it may not write beside it, and each worker would compile it anew.
RUN { command -v uv || python3 -m pip install --no-cache-dir uv; } \
    && uv pip install --system --no-cache --compile-bytecode $INSTALL ".[$EXTRAS]"

# The user is whoever owns the workspace, so any user may write here; what is made is private.
RUN mkdir /state /workspace && chmod 1777 /state
ENV AUTOAGENT_STATE_DIR=/state HOME=/tmp AUTOAGENT_PORT=8390
VOLUME /state
WORKDIR /workspace
COPY packaging/in-container /usr/local/bin/in-container
USER 1000:1000
CMD ["in-container"]
