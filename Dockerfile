# Sluice's images: `worker` runs one worker of a job and is what images of Flex templates build on; `server` answers the
# API. With a registry: `docker build -t sluice-worker .`; without one `npm run images` makes a base from this machine.
ARG BASE_IMAGE=node:26-slim

# The packages that our programs need when they run: those of the base or of the build context, or else the registry's.
FROM ${BASE_IMAGE} AS modules
WORKDIR /out/sluice
COPY package.json package-lock.json docker/lean.sh staged* ./
RUN set -e; \
    if [ ! -d node_modules ] && [ ! -d /sluice/node_modules ]; then \
      npm ci --omit=dev --ignore-scripts --no-audit --no-fund; sh lean.sh node_modules; \
    fi; \
    rm lean.sh; find /out -exec touch -h -d @0 {} +

FROM ${BASE_IMAGE} AS packages
COPY --from=modules /out/ /

# A job with a function runs here, so that an image in which none could run is never made. What goes into the image is
# put aside with times that do not change: the same sources give the same layers.
FROM packages AS program
WORKDIR /sluice
COPY docker docker
COPY bin bin
COPY udfs udfs
COPY templates templates
COPY src src
ENV NODE_COMPILE_CACHE=/sluice/cache
RUN sh docker/warm.sh && sh docker/aside.sh

FROM packages AS worker
ARG VERSION=0.1.0
LABEL org.opencontainers.image.title="Sluice worker" \
      org.opencontainers.image.description="Runs one worker of a data-pipeline job" \
      org.opencontainers.image.version="${VERSION}" \
      sluice.worker="${VERSION}"
# Nobody has a home here. Batches are bigger than what the C library keeps by default: see src/launchers/command.ts.
ENV HOME=/tmp NODE_COMPILE_CACHE=/sluice/cache MALLOC_MMAP_THRESHOLD_=1073741824 MALLOC_TRIM_THRESHOLD_=1073741824
USER 65532:65532
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s CMD ["sh", "/sluice/docker/healthy.sh"]
ENTRYPOINT ["node", "--disable-warning=ExperimentalWarning", "--expose-gc", "--single-threaded-gc", "/sluice/src/worker/main.ts"]
COPY --from=program /out/sources/ /
COPY --from=program /out/cache/ /

FROM worker AS server
# A volume that is mounted here begins with this folder's owner.
COPY --from=program --chown=65532:65532 /out/server/ /
ENV SLUICE_HOME=/data
VOLUME /data
EXPOSE 8080 8081
LABEL org.opencontainers.image.title="Sluice server" \
      org.opencontainers.image.description="Runs data-pipeline jobs for a team: Dataflow's API, and its own" \
      sluice.worker=""
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s CMD ["node", "-e", "fetch('http://127.0.0.1:8080/healthz').then(({ ok }) => process.exit(ok ? 0 : 1))"]
ENTRYPOINT ["/sluice/bin/sluice"]
CMD ["serve", "--host", "0.0.0.0"]

# Without --target the last stage is built: the worker's image.
FROM worker
