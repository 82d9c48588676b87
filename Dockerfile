# The worker in production (docs/operations.md, "In a container"):
#   docker build --tag perennial-worker .
# A base needs Node 20.19 or later, npm and glibc: there is no binary of Temporal's core for musl (Alpine). Another one can be given: --build-arg BASE=…
ARG BASE=docker.io/library/node:20.19.5-slim

# Every package that is not for development alone.
FROM ${BASE} AS dependencies
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci --omit=dev --ignore-scripts --no-audit --no-fund

# All of Perennial, compiled.
FROM dependencies AS build
COPY . .
RUN node bin/build.mjs

# Of that, what the worker loads.
FROM build AS files
RUN node bin/worker-files.mjs /worker

FROM ${BASE} AS worker
ARG BASE
LABEL org.opencontainers.image.title="perennial-worker" \
      org.opencontainers.image.description="Perennial's worker: durable workflows that keep Amazon SageMaker models fresh, safe and forgettable" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.base.name="${BASE}"
# The health page is for the container's own check and for an orchestrator's probes: from outside of it, so not on loopback.
ENV NODE_ENV=production \
    WORKER_HEALTH_ADDRESS=0.0.0.0:9465 \
    AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED=true
WORKDIR /app
# What changes seldom comes first: a new version of the worker is a small layer.
COPY --from=files /worker/node_modules ./node_modules
COPY --from=files /worker/app ./
# By number: Kubernetes' runAsNonRoot takes no name. The files are root's: the worker can't write anywhere.
USER 1000:1000
EXPOSE 9465
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s CMD ["node", "dist/worker/probe.js"]
# No shell between: it is the worker that gets SIGTERM.
ENTRYPOINT ["node", "dist/worker/main.js"]
