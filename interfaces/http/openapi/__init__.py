"""The document of the API: `openapi.json`, as it is released and served, and what it is built from.

    python -m interfaces.http.openapi

writes it anew. `operations.py` and `admin.py` are its table of contents; `document.py` puts it together.
"""
