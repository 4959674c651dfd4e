"""The document of the API: `openapi.json`, as it is released and served, and what it is built from.

    python -m interfaces.http.openapi

writes it anew. What it describes stands in `interfaces/http/operations.py`; `document.py` puts it together.
"""
