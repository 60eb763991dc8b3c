"""What the Makefile calls: the local Airflow stack, the demonstration over the samples."""
