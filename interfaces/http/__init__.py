"""The service over HTTP: a Falcon application on a waitress that survives slow clients."""
