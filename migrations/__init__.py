"""The schema's history; how to add to it stands in ``README.md`` beside this file."""
