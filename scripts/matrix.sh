#!/usr/bin/env bash
# Builds the wheel and tries it in an Airflow of somebody else's: for each version of Airflow and each Python, an empty environment.
#   scripts/matrix.sh [FOLDER]        writes FOLDER/matrix.md (by default var/matrix)
# AIRFLOWS="3.2.2 3.3.2" and PYTHONS="python3.11 python3.12 python3.13" choose; what is not installed is left out.
# Needs pip and a package index, and some minutes a row. It is no part of `make test`.
set -euo pipefail
cd "$(dirname "$0")/.."
root=$(pwd) folder=$(realpath -m "${1:-var/matrix}")
AIRFLOWS=${AIRFLOWS:-"3.2.2 3.3.2"} PYTHONS=${PYTHONS:-"python3.11 python3.12 python3.13"} DAY=2026-11-02
# Airflow's floors reach releases of the web framework that it does not start with.
WITH=${WITH:-"fastapi<0.137 cadwyn<8"}
mkdir -p "$folder"

python=$(for name in $PYTHONS; do command -v "$name" && break; done)
"$python" -m venv "$folder/build"
"$folder/build/bin/pip" install --quiet build
rm -rf "$folder/dist"
"$folder/build/bin/python" -m build --outdir "$folder/dist" . >"$folder/build.log" 2>&1
wheel=$(echo "$folder"/dist/*.whl)

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
    printf '| %s ' "$(python "$root/scripts/matrix_checks.py" parse "$env/own/dags" 2>"$env/parse.log" || echo failed)"
    printf '| %s ' "$(python "$root/scripts/matrix_checks.py" run "$env/own/dags" "$DAY" 2>"$env/run.log" | tail -n 1 || echo failed)"
    printf '| %s |\n' "$(python "$root/scripts/matrix_checks.py" pages 2>"$env/pages.log" | tail -n 1 || echo failed)"
}

table="$folder/matrix.md"
printf '| Airflow | Python | Airflow beside Octavo | DAGs | a day by `DAG.test()` | pages |\n| --- | --- | --- | --- | --- | --- |\n' >"$table"
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
