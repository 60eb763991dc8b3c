"""What runs over days and documents: the pipeline, and everything that goes back to what was published.

It calls the stages in order. It never knows of Airflow, and never prints.
"""
