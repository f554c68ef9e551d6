"""The graph, for workers that export documents."""

from __future__ import annotations

from functools import cache
from importlib import import_module

from settings import Settings
from workers.exports.documents import Documents


@cache
def exported_documents(settings: Settings) -> Documents:
    """Where they are read. The graph is imported when it is asked for: a worker that exports no document need not hold it."""
    documents: Documents = import_module("commands.documents.exported").ExportedDocuments(settings)
    return documents
