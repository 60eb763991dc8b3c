#!/usr/bin/env bash
# Builds the wheel and tries it in an Airflow of somebody else's: for each version of Airflow and each Python, an empty environment.
#   scripts/matrix.sh [FOLDER]        writes FOLDER/matrix.md (by default var/matrix)
# AIRFLOWS="3.2.2 3.3.2" and PYTHONS="python3.11 python3.12 python3.13" choose; what is not installed is left out.
# The rows of one Python (FAB=python3.11) also walk the pages under Flask-AppBuilder's permissions, in Chromium.
# Needs pip and a package index, Chromium, and some minutes a row. It is no part of `make test`.
set -euo pipefail
cd "$(dirname "$0")/.."
root=$(pwd) folder=$(realpath -m "${1:-var/matrix}")
AIRFLOWS=${AIRFLOWS:-"3.2.2 3.3.2"} PYTHONS=${PYTHONS:-"python3.11 python3.12 python3.13"} DAY=2026-11-02 FAB=${FAB-python3.11}
# Airflow's floors reach releases of the web framework that it does not start with.
WITH=${WITH:-"fastapi<0.137 cadwyn<8 svcs<26"}
mkdir -p "$folder"

python=$(for name in $PYTHONS; do command -v "$name" && break; done)
"$python" -m venv "$folder/build"
"$folder/build/bin/pip" install --quiet build
rm -rf "$folder/dist"
"$folder/build/bin/python" -m build --outdir "$folder/dist" . >"$folder/build.log" 2>&1
wheel=$(echo "$folder"/dist/*.whl)

# A check's last line, in a cell; all its lines are in a log of its name.
check() {
    local log="$env/$1.log"
    shift
    if python "$root/scripts/$1" "${@:2}" >"$log" 2>&1; then tail -n 1 "$log"; else echo "failed, see $(basename "$env")/$(basename "$log")"; fi
}

# The pages with the permissions of Flask-AppBuilder in place of Airflow's simple ones, in Chromium.
fab() {
    # shellcheck disable=SC2086
    pip install --quiet apache-airflow-providers-fab playwright "apache-airflow==$airflow" $WITH >"$env/fab-install.log" 2>&1
    export AIRFLOW__CORE__AUTH_MANAGER=airflow.providers.fab.auth_manager.fab_auth_manager.FabAuthManager
    airflow db migrate >"$env/fab-db.log" 2>&1
    check fab matrix_fab.py "$DAY"
}

# One row's checks; prints a cell for each.
try() {
    local airflow=$1 name=$2 env=$3
    export AIRFLOW_HOME="$env/home" PATH="$env/bin:$PATH"
    # shellcheck disable=SC2086
    pip install --quiet "apache-airflow==$airflow" $WITH >"$env/airflow.log" 2>&1 || { echo "| Airflow does not install |"; return; }
    local packages before after
    packages=$(pip freeze | wc -l) before=$(pip show apache-airflow-core | sed -n 's/^Version: //p')
    pip install --quiet "$wheel[ocr,gate]" >"$env/octavo.log" 2>&1 || { echo "| the wheel does not install |"; return; }
    after=$(pip show apache-airflow-core | sed -n 's/^Version: //p')
    printf '| %s, %+d packages ' "$([ "$before" = "$after" ] && echo stays || echo "became $after")" $(($(pip freeze | wc -l) - packages))
    cd "$env"
    octavo init own --contract receipt >/dev/null
    # shellcheck disable=SC1091
    . own/octavo.env
    export OCTAVO_OCR_PROFILE=${OCTAVO_OCR_PROFILE:-best} OCTAVO_PROCESSES=1
    airflow db migrate >"$env/db.log" 2>&1
    printf '| %s ' "$(check parse matrix_checks.py parse "$env/own/dags")"
    printf '| %s ' "$(check run matrix_checks.py run "$env/own/dags" "$DAY")"
    printf '| %s ' "$(check pages matrix_checks.py pages)"
    printf '| %s |\n' "$(if [ "$name" = "$FAB" ]; then fab; else echo "not run"; fi)"
}

table="$folder/matrix.md"
printf '| Airflow | Python | Airflow beside Octavo | DAGs | a day by `DAG.test()` | pages | pages under FAB |\n| --- | --- | --- | --- | --- | --- | --- |\n' >"$table"
for airflow in $AIRFLOWS; do
    for name in $PYTHONS; do
        command -v "$name" >/dev/null || continue
        env="$folder/$airflow-$name"
        rm -rf "$env"
        "$name" -m venv "$env"
        printf '| %s | %s ' "$airflow" "$("$name" -c 'import platform; print(platform.python_version())')" >>"$table"
        (try "$airflow" "$name" "$env") >>"$table"
        tail -n 1 "$table"
        rm -rf "$env/lib"
    done
done
