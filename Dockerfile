# p2pbot as an image. docker build -t p2pbot . needs nothing but this directory.
#
# The base is chosen by tag. To pin it to what you have tested, give its digest, as `docker image inspect` shows it:
#   docker build --build-arg BASE=python:3.13-slim-trixie@sha256:… .
ARG BASE=python:3.13-slim-trixie
# Where it is built, if not there: the same base with more in it, such as the wheels for a build without a network.
ARG BUILD_BASE=${BASE}

FROM ${BUILD_BASE} AS build
WORKDIR /src
# Where pip may look, if not at its index: for a mirror, or for wheels from a directory of BUILD_BASE.
ARG PIP_OPTIONS=""
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore PIP_NO_CACHE_DIR=1
# Dependencies first, so that a change to our own files does not install them anew. Hashes are checked in both.
COPY requirements/build.txt requirements/run.txt requirements/
RUN python3 -m venv /opt/build && python3 -m venv /opt/p2pbot \
    && /opt/build/bin/pip install ${PIP_OPTIONS} --require-hashes -r requirements/build.txt \
    && /opt/p2pbot/bin/pip install ${PIP_OPTIONS} --require-hashes -r requirements/run.txt
COPY pyproject.toml README.md LICENSE ./
COPY config.example.yaml config.example.yaml
COPY rules rules
COPY p2pbot p2pbot
RUN /opt/build/bin/pip wheel --no-deps --no-build-isolation --no-index --wheel-dir /dist . \
    && /opt/p2pbot/bin/pip install --no-deps --no-index /dist/*.whl \
    && /opt/p2pbot/bin/pip uninstall --yes pip \
    && install -d -m 0700 -o 10001 -g 10001 /state

FROM ${BASE}
LABEL org.opencontainers.image.title="p2pbot" \
      org.opencontainers.image.description="Answers Binance P2P (C2C) order chat for merchants" \
      org.opencontainers.image.licenses="MIT"
COPY --from=build /opt/p2pbot /opt/p2pbot
COPY --from=build --chown=10001:10001 /state /var/lib/p2pbot
# Python writes nothing (the root may be read-only) and hides nothing (a line is out before a crash).
ENV PATH=/opt/p2pbot/bin:$PATH PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 STATE_DIRECTORY=/var/lib/p2pbot
# A number, so that a runtime can see that it is not root.
USER 10001:10001
WORKDIR /var/lib/p2pbot
VOLUME /var/lib/p2pbot
STOPSIGNAL SIGTERM
# Whether the process works; an exchange that is away is no reason to start it again (p2pbot health --ready asks that).
HEALTHCHECK --interval=30s --timeout=10s --start-period=20s --retries=3 \
    CMD ["p2pbot", "health", "--config", "/etc/p2pbot/config.yaml"]
ENTRYPOINT ["p2pbot"]
CMD ["run", "--config", "/etc/p2pbot/config.yaml"]
