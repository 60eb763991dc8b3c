"""``python -m octavo``: the same stages without Airflow."""

from octavo.cli import main

if __name__ == "__main__":
    main(prog_name="python -m octavo")
