# syntax=docker/dockerfile:1
# Airflow with Bridle: what every Airflow service of docker-compose.yaml runs.

ARG AIRFLOW=3.3.2
ARG PYTHON=3.12

# PgBouncer has no image of its own; Debian's package is maintained.
FROM debian:bookworm-slim AS pgbouncer
RUN apt-get update \
    && apt-get install --yes --no-install-recommends pgbouncer \
    && rm -rf /var/lib/apt/lists/*
USER nobody
EXPOSE 6432
CMD ["pgbouncer", "/etc/pgbouncer/bridle.ini"]

FROM apache/airflow:${AIRFLOW}-python${PYTHON} AS airflow
SHELL ["/bin/bash", "-o", "pipefail", "-c"]

# git: clones and checkpoints; bubblewrap and socat: the sandbox of sessions and checks
USER root
RUN apt-get update \
    && apt-get install --yes --no-install-recommends git bubblewrap socat curl \
    && rm -rf /var/lib/apt/lists/*

USER airflow
WORKDIR /opt/airflow
# dependencies in a layer of their own: they change less often than Bridle does
COPY --chown=airflow:0 pyproject.toml constraints.txt README.md LICENSE /opt/bridle/
COPY --chown=airflow:0 plugins/bridle/version.py /opt/bridle/plugins/bridle/version.py
COPY --chown=airflow:0 dags /opt/bridle/dags
COPY --chown=airflow:0 include /opt/bridle/include
RUN pip install --no-cache-dir --constraint /opt/bridle/constraints.txt "/opt/bridle[claude,codex,celery]"
COPY --chown=airflow:0 plugins/bridle /opt/bridle/plugins/bridle
RUN pip install --no-cache-dir --no-deps --force-reinstall /opt/bridle

# volumes take over owner and content of these folders
RUN mkdir -p auth config logs work \
    && printf 'from bridle import preload\nfrom bridle.local import reconnect\n\npreload.install()\nreconnect.install()\n' > config/airflow_local_settings.py
