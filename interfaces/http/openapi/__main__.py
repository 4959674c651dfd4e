"""Write the document of the API to the file that is committed."""

from interfaces.http.openapi import document

document.FILE.write_text(document.as_text(), encoding="utf-8")
