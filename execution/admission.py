"""What a request has to pass before anything of it is executed, over HTTP and over sockets alike."""

from __future__ import annotations

from typing import Any

from auth import Claims
from execution.budgets import Admission, Budgets
from execution.introspection import Introspection
from execution.operation_log import Observation
from execution.operations import GraphQLRequest, Operation, Operations, RequestErrors
from execution.trusted_documents import TrustedDocuments, may_run_any

Variables = dict[str, Any] | None


class Gate:
    """Is the document allowed, valid, open to the caller, and within what the caller may spend?"""

    def __init__(
        self, operations: Operations, documents: TrustedDocuments, introspection: Introspection, budgets: Budgets
    ) -> None:
        self._operations = operations
        self._documents = documents
        self._introspection = introspection
        self._budgets = budgets

    async def open(self, request: GraphQLRequest, claims: Claims | None, seen: Observation) -> Operation:
        """The operation that may run, if its cost is paid for. Raises Refusal, RequestErrors."""
        seen.name = request.operation_name
        seen.organization = claims.organization if claims else None
        hide_suggestions = not self._introspection.is_open_to(claims)
        document = await self._documents.find(
            request, may_run_any=may_run_any(claims), hide_suggestions=hide_suggestions
        )
        seen.text = document.text
        try:
            operation = self._operations.prepare(
                document.text, request.operation_name, hide_suggestions=hide_suggestions
            )
        except RequestErrors as error:
            seen.name = error.operation_name or seen.name
            raise
        seen.name, seen.kind, seen.is_registered = operation.name, operation.kind_name, document.is_registered
        self._introspection.check(operation, claims)
        return operation

    async def charge(
        self, operation: Operation, variables: Variables, claims: Claims | None, seen: Observation
    ) -> Admission:
        """What the operation is charged. Raises Refusal."""
        admission = await self._budgets.admit(operation, variables, claims)
        seen.cost = admission.cost.total
        return admission

    async def aclose(self) -> None:
        await self._documents.aclose()
        await self._budgets.aclose()
