# Octavo on the official Airflow image. One image serves every component; the GPU worker's is
# built with --build-arg WITH_MOLMO=1, which adds torch and transformers. Where documents and tables lie on an object store, as
# with workers on several machines, --build-arg OBJECT_STORE=s3fs (gcsfs, adlfs) adds what reaches it.
ARG AIRFLOW_IMAGE=apache/airflow:3.3.2-python3.11
FROM ${AIRFLOW_IMAGE}

USER 0
# Debian's stable has one version of each; pinning it would break the build at every point release.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends tesseract-ocr tesseract-ocr-eng tesseract-ocr-osd \
    && apt-get clean \
    && rm -rf /var/lib/apt/lists/* \
    && mkdir -p /opt/octavo /var/lib/octavo/landing /var/lib/octavo/lake /var/lib/octavo/auth /var/lib/octavo/models \
    && chown -R airflow:0 /opt/octavo /var/lib/octavo \
    && chmod -R g+rwX /opt/octavo /var/lib/octavo
USER 50000:0

WORKDIR /opt/octavo
COPY --chown=airflow:0 requirements-core.txt requirements-core.lock requirements.txt requirements.lock ./
ARG WITH_MOLMO=0
ARG OBJECT_STORE=
# The lock has every package, Airflow's own version too, with the sha256 of its files: pip takes no other. An object store's package is
# named by whoever builds the image, so it has none.
RUN if [ "${WITH_MOLMO}" = "1" ]; then set=requirements; else set=requirements-core; fi \
    && pip install --no-cache-dir --no-deps --require-hashes --requirement "${set}.lock" \
    && if [ -n "${OBJECT_STORE}" ]; then pip freeze > /tmp/installed.txt \
        && pip install --no-cache-dir "${OBJECT_STORE}" --constraint /tmp/installed.txt; fi

COPY --chown=airflow:0 pyproject.toml README.md LICENSE ./
COPY --chown=airflow:0 include ./include
COPY --chown=airflow:0 plugins ./plugins
COPY --chown=airflow:0 dags ./dags
COPY --chown=airflow:0 kubernetes ./kubernetes
# Editable, as everywhere.
RUN pip install --no-cache-dir --no-deps --editable .

ENV AIRFLOW__CORE__DAGS_FOLDER=/opt/octavo/dags \
    AIRFLOW__CORE__PLUGINS_FOLDER=/opt/octavo/plugins \
    AIRFLOW__CORE__LOAD_EXAMPLES=False \
    OCTAVO_LANDING=/var/lib/octavo/landing \
    OCTAVO_LAKE=/var/lib/octavo/lake

# The API server's; docker-compose.yaml gives every other component its own.
HEALTHCHECK --interval=30s --timeout=10s --start-period=60s --retries=5 \
    CMD ["curl", "--fail", "--silent", "--output", "/dev/null", "http://localhost:8080/api/v2/monitor/health"]
CMD ["api-server"]
