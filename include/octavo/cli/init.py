"""``octavo init``."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import click

import octavo
from octavo.cli.common import out
from octavo.model import contracts
from octavo.model.errors import SettingsError
from octavo.model.settings import CONTRACTS_FOLDER

PACKAGE = Path(octavo.__file__).resolve().parent
DEFAULT = ("invoice", "receipt")
README = """# Documents into tables, with Octavo

| | |
| --- | --- |
| `contracts/` | one YAML file for each kind of document; change them, add your own: `octavo contracts new NAME --from EXAMPLES` |
| `landing/` | documents arrive here, as `CONTRACT/YYYY/MM/DD/…`; it begins with samples |
| `dags/` | the DAG files: one DAG for each contract, and two over what is published |
| `lake/` | the published tables: `TABLE/contract=CONTRACT/day=DAY/part.parquet` |
| `pools.json` | the pools that the DAGs take their slots from |
| `octavo.env` | tells Airflow and Octavo where all that is |

## Start

In the environment that has Airflow and Octavo:

```console
$ . {env}
$ airflow db migrate
$ airflow pools import {pools}
$ octavo doctor
$ airflow standalone
```

and, in another terminal that has read `octavo.env` too, a day of the samples:

```console
$ airflow dags unpause octavo_{contract}
$ airflow dags trigger octavo_{contract} --conf '{{"day": "{day}"}}'
```

Its tables are in `lake/`, its pages in Airflow's UI under *Octavo* and in the tabs of the DAG, its runs and its tasks. `airflow standalone`
prints the password of `admin`.

## In an Airflow that runs already

Give its processes the same settings, as environment variables (`OCTAVO_…` in `octavo.env`) or in `airflow.cfg`:

```ini
[octavo]
contracts = {folder}/contracts
landing = {folder}/landing
lake = {folder}/lake
```

Put the files of `dags/` where its DAGs are, import the pools, and look with `octavo doctor` whether anything is missing. In a DAG of
your own, `octavo_airflow.document_tasks("{contract}")` is a group of tasks that publishes a day of documents.
"""


@click.command("init")
@click.argument("folder", default="octavo", type=click.Path(file_okay=False, path_type=Path))
@click.option("--contract", "names", multiple=True, metavar="NAME",
              help=f"A shipped contract to begin with; may be repeated.  [default: {', '.join(DEFAULT)}]")
@click.option("--no-samples", is_flag=True, help="Without sample documents.")
def init(folder: Path, names: tuple[str, ...], no_samples: bool) -> None:
    """Make a FOLDER of your own: contracts, DAG files, sample documents, pools, settings and a README that tells how to start.

    What is there already is left as it is.

    \b
    Example:
      octavo init my_documents --contract invoice --contract receipt
    """
    known = {path.stem: path for path in sorted(CONTRACTS_FOLDER.glob("*.yaml"))}
    chosen = names or DEFAULT
    if unknown := [name for name in chosen if name not in known]:
        raise SettingsError(f"no contract {', '.join(unknown)} is shipped; there are: {', '.join(known)}")
    root = folder.resolve()
    for name in ("contracts", "dags", "landing", "lake"):
        (root / name).mkdir(parents=True, exist_ok=True)
    for name in chosen:
        _copy(known[name], root / "contracts" / f"{name}.yaml")
        samples = _given("samples", "samples/landing") / name
        for path in sorted(samples.rglob("*")) if not no_samples else ():
            if path.is_file():
                _copy(path, root / "landing" / name / path.relative_to(samples))
    for path in sorted(_given("dags", "dags").glob("*.py")):
        _copy(path, root / "dags" / path.name)
    processes = os.cpu_count() or 1
    pools = {
        "octavo_ocr": {"slots": processes, "description": "reading pages: a slot is a process", "include_deferred": False},
        "molmo_gpu": {"slots": 1, "description": "extraction by Molmo: a slot is a GPU", "include_deferred": False},
    }
    _write(root / "pools.json", json.dumps(pools, indent=1) + "\n")
    settings = {
        "AIRFLOW__CORE__DAGS_FOLDER": root / "dags", "AIRFLOW__CORE__LOAD_EXAMPLES": False, "OCTAVO_CONTRACTS": root / "contracts",
        "OCTAVO_LANDING": root / "landing", "OCTAVO_LAKE": root / "lake", "OCTAVO_PROCESSES": processes,
    }
    _write(root / "octavo.env", "".join(f"export {name}='{value}'\n" for name, value in settings.items()))
    first = chosen[0]
    days = sorted(path.parent.relative_to(root / "landing" / first) for path in (root / "landing" / first).glob("*/*/*/*"))
    day = days[0].as_posix().replace("/", "-") if days else "2026-11-02"
    _write(root / "README.md", README.format(env=root / "octavo.env", pools=root / "pools.json", folder=root, contract=first, day=day))
    sound = contracts.load_all(root / "contracts")
    out.print(f"[green]ready[/green] {root}: contracts {', '.join(one.name for one in sound)}", highlight=False, soft_wrap=True)
    out.print(f"go on with: . {root / 'octavo.env'} && airflow db migrate   (then as its README.md says)", highlight=False, soft_wrap=True)


def _given(packed: str, checkout: str) -> Path:
    """A folder that a wheel carries in the package, and a checkout beside it."""
    folder = PACKAGE / packed
    return folder if folder.is_dir() else PACKAGE.parents[1] / checkout


def _copy(source: Path, target: Path) -> None:
    if not target.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)


def _write(path: Path, text: str) -> None:
    if not path.exists():
        path.write_text(text, encoding="utf-8")
