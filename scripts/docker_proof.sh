#!/usr/bin/env bash
# Builds the image, starts docker-compose.yaml under a name of its own, runs days through the API, stops and kills what a machine may stop
# and kill, and takes everything away again.
#   scripts/docker_proof.sh [FOLDER]        keeps logs and what was found in FOLDER (by default var/docker_proof)
# Needs Docker with compose and buildx, curl and python3. Where no engine runs and this is root, it starts one for itself. A base image that
# cannot be pulled is made here of Debian's packages (debootstrap) and stands in for the official one: with the same user, entrypoint and
# paths, as far as Octavo's Dockerfile and compose file touch them. What was used is said at the end. It is no part of `make test`.
set -euo pipefail
cd "$(dirname "$0")/.."
folder=$(realpath -m "${1:-var/docker_proof}") work=$(mktemp -d) port=${AIRFLOW_PORT:-8089} began=$SECONDS
STANDS_IN="" MADE=""
mkdir -p "$folder"
: >"$folder/summary.txt"

said() { echo "$(printf '%4d s' $((SECONDS - began)))  $*" | tee -a "$folder/summary.txt"; }
lost() { said "FAILED: $*"; exit 1; }
compose() { docker compose --project-name octavo-proof --env-file "$work/env" --file docker-compose.yaml --file "$work/host.yaml" "$@"; }

clean() {
    local status=$?
    if [ -f "$work/env" ]; then
        compose logs --no-color >"$folder/containers.log" 2>&1 || true
        compose down --volumes --timeout 60 >>"$folder/compose.log" 2>&1 || true
    fi
    if [ -f "$work/engine.pid" ]; then
        kill "$(cat "$work/engine.pid")" && while [ -d "/proc/$(cat "$work/engine.pid")" ]; do sleep 1; done
        mount | awk -v root="$work/" 'index($3, root) == 1 {print $3}' | sort -r | xargs --no-run-if-empty umount || true
    elif [ -n "$MADE" ]; then
        docker image rm --force octavo:latest $MADE >>"$folder/compose.log" 2>&1 || true
    fi
    rm -rf "$work"
    said "$([ $status = 0 ] && echo passed || echo "ended with $status"); everything is taken away again"
    exit "$status"
}
trap clean EXIT

# --- an engine ---------------------------------------------------------------------------------------------------------------------------
if ! docker info >/dev/null 2>&1; then
    [ "$(id -u)" = 0 ] && command -v dockerd >/dev/null || lost "no Docker engine answers; start one, or install Debian's docker.io and run this as root"
    export DOCKER_HOST="unix://$work/docker.sock"
    dockerd --data-root "$work/engine" --exec-root "$work/exec" --pidfile "$work/dockerd.pid" --host "$DOCKER_HOST" >"$folder/dockerd.log" 2>&1 &
    echo $! >"$work/engine.pid"
    for _ in $(seq 60); do docker info >/dev/null 2>&1 && break || sleep 1; done
fi
said "engine $(docker version --format '{{.Server.Version}}'), $(docker info --format '{{.Driver}}'); compose $(docker compose version --short); $(docker buildx version | cut -d' ' -f2)"

# --- the base images ---------------------------------------------------------------------------------------------------------------------
AIRFLOW=$(sed -n 's/^ARG AIRFLOW_IMAGE=//p' Dockerfile)
POSTGRES=$(sed -n 's/^ *image: \(postgres:.*\)/\1/p' docker-compose.yaml)
REDIS=$(sed -n 's/^ *image: \(redis:.*\)/\1/p' docker-compose.yaml)

# Debian's release $1 with this machine's certificates and the settings of its apt and pip, as an image of that name.
debian() {
    docker image inspect "octavo-proof-$1" >/dev/null 2>&1 && return
    command -v debootstrap >/dev/null || lost "$1 has to be made here, and debootstrap is not installed"
    debootstrap --variant=minbase --include=ca-certificates "$1" "$work/$1" >"$folder/debootstrap-$1.log" 2>&1
    cp /etc/ssl/certs/ca-certificates.crt "$work/$1/etc/ssl/certs/ca-certificates.crt"
    cp /etc/apt/sources.list.d/*.sources "$work/$1/etc/apt/sources.list.d/" 2>/dev/null && sed -i "s/^\(Suites: *\)[a-z]*/\1$1/; s/ [a-z]*-updates/ $1-updates/" "$work/$1"/etc/apt/sources.list.d/*.sources && : >"$work/$1/etc/apt/sources.list"
    grep -ls '^Acquire::' /etc/apt/apt.conf.d/* | xargs --no-run-if-empty cp --target-directory "$work/$1/etc/apt/apt.conf.d/"
    { echo "[global]"; echo "cert = /etc/ssl/certs/ca-certificates.crt"; pip config get global.index-url 2>/dev/null | sed 's/^/index-url = /' || true; } >"$work/$1/etc/pip.conf"
    tar -C "$work/$1" --create . | docker import - "octavo-proof-$1" >/dev/null
    rm -rf "${work:?}/$1"
    MADE+=" octavo-proof-$1"
}

# Pulls image $1, or builds what stands in for it from standard input on top of Debian's release $2.
base() {
    if docker image inspect "$1" >/dev/null 2>&1; then return; fi
    if [ -z "$STANDS_IN" ] && timeout 60 docker pull --quiet "$1" >>"$folder/pull.log" 2>&1; then return; fi # one that fails speaks for all
    debian "$2"
    docker build --quiet --network host --tag "$1" - >>"$folder/bases.log" 2>&1 || lost "the stand-in for $1 was not built: $folder/bases.log"
    STANDS_IN+=" $1" MADE+=" $1"
}

base "$AIRFLOW" bookworm <<'DOCKERFILE'
FROM octavo-proof-bookworm
RUN apt-get update && apt-get install --yes --no-install-recommends curl dumb-init python3 python3-venv && rm -rf /var/lib/apt/lists/*
RUN useradd --uid 50000 --gid 0 --create-home airflow && mkdir -p /opt/airflow/logs && chown -R 50000:0 /opt/airflow && chmod -R g+rwX /opt/airflow
# As the official one: Airflow's commands by their names, bash and python as they are, and a wait for the database before.
RUN printf '%s\n' '#!/bin/bash' 'set -euo pipefail' 'umask 0002' \
    'for _ in $(seq 20); do airflow db check >/dev/null 2>&1 && break || sleep 3; done' \
    'case "${1:-}" in bash|python) exec "$@";; airflow) exec "$@";; *) exec airflow "$@";; esac' >/entrypoint && chmod 755 /entrypoint
USER 50000:0
# Debian has Python 3.11.2, under which Redis's client needs this too; the official image's newer one does not, and so it is not locked.
RUN python3 -m venv /home/airflow/.local && /home/airflow/.local/bin/pip install --no-cache-dir async-timeout
ENV PATH=/home/airflow/.local/bin:$PATH AIRFLOW_HOME=/opt/airflow DUMB_INIT_SETSID=1 LANG=C.UTF-8 HOME=/home/airflow
WORKDIR /opt/airflow
ENTRYPOINT ["/usr/bin/dumb-init", "--", "/entrypoint"]
DOCKERFILE

base "$REDIS" bookworm <<'DOCKERFILE'
FROM octavo-proof-bookworm
RUN apt-get update && apt-get install --yes --no-install-recommends redis-server && usermod --login redis redis && mkdir -p /data && chown redis /data
WORKDIR /data
VOLUME /data
CMD ["redis-server"]
DOCKERFILE

# As the official one: what it makes at its first start is served on the socket alone until it is done.
base "$POSTGRES" trixie <<'DOCKERFILE'
FROM octavo-proof-trixie
RUN apt-get update && apt-get install --yes --no-install-recommends postgresql-17 && rm -rf /var/lib/postgresql/* \
    && mkdir -p /var/lib/postgresql/data /var/run/postgresql && chown -R postgres /var/lib/postgresql /var/run/postgresql
ENV PATH=/usr/lib/postgresql/17/bin:$PATH PGDATA=/var/lib/postgresql/data
RUN printf '%s\n' '#!/bin/bash' 'set -euo pipefail' 'if [ ! -s "$PGDATA/PG_VERSION" ]; then' \
    'initdb --encoding=UTF8 --locale=C.UTF-8 --username="$POSTGRES_USER" --pwfile=<(echo "$POSTGRES_PASSWORD") --auth-host=scram-sha-256 >/dev/null' \
    'echo "host all all all scram-sha-256" >>"$PGDATA/pg_hba.conf"' \
    'pg_ctl --options="-c listen_addresses=" --wait start >/dev/null' \
    '[ "$POSTGRES_DB" = postgres ] || createdb --username="$POSTGRES_USER" "$POSTGRES_DB"' \
    'pg_ctl --mode=fast --wait stop >/dev/null' 'fi' 'exec postgres -c "listen_addresses=*"' >/entrypoint && chmod 755 /entrypoint
VOLUME /var/lib/postgresql/data
ENTRYPOINT ["/entrypoint"]
DOCKERFILE
said "base images: $([ -n "$STANDS_IN" ] && echo "made here of Debian's packages, in place of$STANDS_IN" || echo "the official ones")"

# --- built and started -------------------------------------------------------------------------------------------------------------------
secret() { python3 -c 'import secrets; print(secrets.token_urlsafe(64))'; }
sed "s/^#AIRFLOW_PORT=.*/AIRFLOW_PORT=$port/; s/^#OCTAVO_LANDING_DIR=.*/OCTAVO_LANDING_DIR=${work//\//\\/}\/landing/" .env.example >"$work/env"
while read -r name; do
    value=$(secret)
    [ "$name" != AIRFLOW_FERNET_KEY ] || value=$(python3 -c 'import base64, os; print(base64.urlsafe_b64encode(os.urandom(32)).decode())')
    sed -i "s/^$name=$/$name=$value/" "$work/env"
done < <(sed -n 's/^\([A-Z_]*\)=$/\1/p' .env.example)
# The network of the build is the machine's own, where its package indexes are reached.
printf 'services: {init: {build: {network: host}}}\n' >"$work/host.yaml"
# A copy of the samples with a file that the containers may not open.
cp -r samples/landing "$work/landing"
chmod a+x "$work" # the engine's own folders and the secrets stay closed
chmod -R a+rX "$work/landing"
echo secret >"$work/landing/receipt/2026/11/02/closed.pdf"
chmod 000 "$work/landing/receipt/2026/11/02/closed.pdf"

built=$SECONDS
compose up --build --wait >>"$folder/compose.log" 2>&1 || { compose ps --all | tee -a "$folder/summary.txt"; lost "compose up: $folder/compose.log"; }
MADE+=" octavo:latest"
said "built and healthy in $((SECONDS - built)) s: $(compose ps --format '{{.Service}}' | sort | xargs), image $(($(docker image inspect --format '{{.Size}}' octavo:latest) / 1000000)) MB"

# --- the API -----------------------------------------------------------------------------------------------------------------------------
url=http://127.0.0.1:$port
login() { # the last words of a server that starts are not worth a failure
    password=$(sed -n 's/^AIRFLOW_ADMIN_PASSWORD=//p' "$work/env")
    for _ in $(seq 60); do
        token=$(curl --silent --fail --json "{\"username\": \"admin\", \"password\": \"$password\"}" "$url/auth/token" | field access_token) && [ -n "$token" ] && return
        sleep 2
    done
    lost "no login after 120 s"
}
field() { python3 -c 'import json, sys; print(json.load(sys.stdin).get(sys.argv[1], ""))' "$1" 2>/dev/null; }
api() { curl --silent --show-error --fail --retry 10 --retry-all-errors --retry-delay 3 --header "Authorization: Bearer $token" "$@"; }
start() { api --json "{\"logical_date\": null, \"conf\": {\"day\": \"$2\"}}" "$url/api/v2/dags/octavo_$1/dagRuns" | field dag_run_id; }
state() { api "$url/api/v2/dags/octavo_$1/dagRuns/$2" | field state; }
running() { api "$url/api/v2/dags/octavo_$1/dagRuns/$2/taskInstances?state=running" | field total_entries; }
waited() { # contract, run, seconds
    local until=$((SECONDS + $3)) found=""
    while [ $SECONDS -lt $until ]; do
        found=$(state "$1" "$2" || true)
        case $found in success) return;; failed) lost "$1 $2 failed";; esac
        sleep 3
    done
    lost "$1 $2 is $found after $3 s"
}
rows() { # of a contract's table on a day
    compose exec -T worker python -c "import pyarrow.parquet as p; print(p.read_metadata('/var/lib/octavo/lake/$1/contract=$1/day=$2/part.parquet').num_rows)" </dev/null
}

login
for _ in $(seq 60); do api --retry 0 "$url/api/v2/dags/octavo_receipt" >/dev/null 2>&1 && break || sleep 2; done
run=$(start receipt 2026-11-02)
waited receipt "$run" 600
said "a day through the API: receipt 2026-11-02, $(rows receipt 2026-11-02) rows"
closed=$(compose exec -T worker python -c "import pyarrow.parquet as p; print([r['reason'] for r in p.read_table('/var/lib/octavo/lake/documents/contract=receipt/day=2026-11-02/part.parquet').to_pylist() if r['uri'].endswith('closed.pdf')])" </dev/null)
[ "$closed" = "['unreadable_file']" ] || lost "the file that may not be opened came to $closed"
said "a file that user 50000 may not open is quarantined: unreadable_file"

anonymous=$(curl --silent --output /dev/null --write-out '%{http_code}' "$url/octavo/library")
known=$(curl --silent --output "$folder/library.html" --write-out '%{http_code}' --cookie "_token=$token" "$url/octavo/library")
grep --quiet receipt_0001.jpg "$folder/library.html" || lost "the library does not list the day's documents"
said "UI: $anonymous without a login, $known with one, the library lists the day's documents"

compose exec -T worker python -m octavo contracts check </dev/null >"$folder/contracts.txt" || lost "the command line inside"
said "the command line inside: $(grep --count ^ok "$folder/contracts.txt") contracts"

# --- stopped and killed ------------------------------------------------------------------------------------------------------------------
run=$(start invoice 2026-11-04)
for _ in $(seq 120); do [ "$(running invoice "$run")" != 0 ] && break || sleep 1; done
stopped=$SECONDS
compose stop worker >>"$folder/compose.log" 2>&1
code=$(docker inspect --format '{{.State.ExitCode}}' "$(compose ps --all --quiet worker)")
[ "$code" = 0 ] || lost "the worker that was stopped in mid-task ended with $code"
took=$((SECONDS - stopped))
compose start worker >>"$folder/compose.log" 2>&1
waited invoice "$run" 900
said "worker stopped in mid-task: exit 0 after $took s; the day was published all the same, $(rows invoice 2026-11-04) rows"

again=$SECONDS
run=$(start receipt 2026-11-03)
compose restart >>"$folder/compose.log" 2>&1
compose up --wait --no-build >>"$folder/compose.log" 2>&1 || lost "compose up after a restart"
login
waited receipt "$run" 900
said "all restarted at once in mid-run: healthy and published after $((SECONDS - again)) s, $(rows receipt 2026-11-03) rows"

again=$SECONDS
run=$(start form 2026-11-05)
compose kill --signal KILL postgres >>"$folder/compose.log" 2>&1
sleep 5
compose up --wait --no-build >>"$folder/compose.log" 2>&1 || lost "compose up after PostgreSQL was killed"
login
waited form "$run" 900
said "PostgreSQL killed in mid-run: published after $((SECONDS - again)) s, $(rows form 2026-11-05) rows"

# --- what the health checks cost ---------------------------------------------------------------------------------------------------------
# Processor seconds of each check, run once more: user and system time of what it starts, over its interval.
total=0
while read -r service interval; do
    container=$(compose ps --quiet "$service")
    mapfile -t check < <(docker inspect --format '{{range .Config.Healthcheck.Test}}{{println .}}{{end}}' "$container" | sed '/^$/d')
    case ${check[0]} in CMD-SHELL) command=${check[1]};; *) command=$(printf '%q ' "${check[@]:1}");; esac
    spent=$(docker exec "$container" bash -c "( $command ) >/dev/null 2>&1; times" \
        | awk 'END {gsub("s", ""); split($1, user, "m"); split($2, kernel, "m"); printf "%.3f", 60 * (user[1] + kernel[1]) + user[2] + kernel[2]}')
    share=$(awk -v spent="$spent" -v interval="$interval" 'BEGIN {printf "%.2f", 100 * spent / interval}')
    total=$(awk -v a="$total" -v b="$share" 'BEGIN {printf "%.2f", a + b}')
    echo "        $service: $spent s every $interval s, $share% of a core" | tee -a "$folder/summary.txt"
done < <(compose ps --format '{{.Service}}' | sort | while read -r service; do
    echo "$service $(docker inspect --format '{{.Config.Healthcheck.Interval}}' "$(compose ps --quiet "$service")" | sed 's/1m0s/60/; s/s$//')"
done)
said "health checks: $total% of a core in all"
awk -v total="$total" 'BEGIN {exit total == 0}' || lost "the health checks were not measured"
awk -v total="$total" 'BEGIN {exit total > 5}' || lost "health checks cost more than 5% of a core"

volumes=$(docker volume ls --quiet | grep --count --extended-regexp '^[0-9a-f]{64}$' || true)
[ "$volumes" = 0 ] || lost "$volumes volumes without a name are left"
