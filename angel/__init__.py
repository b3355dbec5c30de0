"""The process that will close everything when the instance fails; not built yet."""
