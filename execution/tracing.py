"""OpenTelemetry: a span for each operation and for each of its statements, as children of whoever asked.

Nothing of it is imported here, and nothing paid, unless there is somewhere to send traces to. Names, headers and sampling are
set by the variables of OpenTelemetry itself. No span holds a value, a person or the text of a document; statements have
places where their values go.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from importlib.util import find_spec
from typing import TYPE_CHECKING

import structlog

from settings import Settings

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.trace import Span

FLUSH_SECONDS = 3.0
"""How long the last spans may take to be sent when the gateway stops."""

LONGEST_STATEMENT = 4_000
OUR_FAULTS = {"INTERNAL", "UNAVAILABLE"}
"""Codes that make a span an error; others are a client's mistakes."""

log = structlog.get_logger(__name__)


def tracing_for(settings: Settings) -> Tracing | None:
    """None where traces are not wanted, or, with a warning, where the libraries are missing."""
    if settings.otlp_endpoint is None:
        return None
    if find_spec("opentelemetry.sdk") is None or find_spec("opentelemetry.exporter") is None:
        log.warning("traces_not_sent", reason="install scoregraph[otel]")
        return None
    return Tracing(_provider(settings.otlp_endpoint))


def _provider(endpoint: str) -> TracerProvider:
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import OTELResourceDetector, Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    ours = Resource.create({"service.name": "scoregraph", "service.version": version("scoregraph")})
    provider = TracerProvider(resource=ours.merge(OTELResourceDetector().detect()), shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(f"{endpoint.rstrip('/')}/v1/traces")))
    return provider


class Tracing:
    """Of one application."""

    def __init__(self, provider: TracerProvider) -> None:
        from opentelemetry import context, trace
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

        self._context = context
        self._trace = trace
        self._propagator = TraceContextTextMapPropagator()
        self._provider = provider
        self._tracer = provider.get_tracer("scoregraph")

    def operation(self, headers: Mapping[bytes, bytes]) -> OperationSpan:
        """Begins the span of an operation for a request with these headers; until it ends, statements are its children."""
        given = {name: headers.get(name.encode(), b"").decode("latin-1") for name in ("traceparent", "tracestate")}
        parent = self._propagator.extract(given, self._context.Context())
        span = self._tracer.start_span("operation", parent, self._trace.SpanKind.SERVER)
        return OperationSpan(self, span)

    def attach(self, span: Span) -> object:
        return self._context.attach(self._trace.set_span_in_context(span))

    def detach(self, token: object) -> None:
        self._context.detach(token)  # type: ignore[arg-type]

    def statement(self, text: str, seconds: float, error: BaseException | None) -> None:
        """Called when a statement of an operation has ended; what nobody asked for has no span."""
        if not self._trace.get_current_span().is_recording():
            return
        ended = time.time_ns()
        kind = text.split(maxsplit=1)[0].upper()
        attributes = {
            "db.system.name": "postgresql",
            "db.operation.name": kind,
            "db.query.text": text[:LONGEST_STATEMENT],
        }
        span = self._tracer.start_span(
            kind, kind=self._trace.SpanKind.CLIENT, attributes=attributes, start_time=ended - int(seconds * 1e9)
        )
        if error is not None:
            span.set_attribute("error.type", type(error).__name__)
            span.set_status(self._trace.StatusCode.ERROR)
        span.end(ended)

    def set_failed(self, span: Span) -> None:
        span.set_status(self._trace.StatusCode.ERROR)

    async def aclose(self) -> None:
        """Sends what is left, if it can be sent soon."""
        sending = threading.Thread(target=self._provider.shutdown, daemon=True)
        sending.start()
        await asyncio.to_thread(sending.join, FLUSH_SECONDS)


class OperationSpan:
    """The span of one operation, the current one of its task until it ends."""

    __slots__ = ("_span", "_token", "_tracing")

    def __init__(self, tracing: Tracing, span: Span) -> None:
        self._tracing = tracing
        self._span = span
        self._token = tracing.attach(span)

    @property
    def trace_id(self) -> str:
        return f"{self._span.get_span_context().trace_id:032x}"

    def end(self, kind: str | None, name: str | None, is_registered: bool, codes: Sequence[str]) -> None:
        """The name is part of the span's only where it is one of few."""
        self._tracing.detach(self._token)
        if kind is not None:
            self._span.update_name(f"{kind} {name}" if name and is_registered else kind)
            self._span.set_attribute("graphql.operation.type", kind)
        if name is not None:
            self._span.set_attribute("graphql.operation.name", name)
        if codes:
            self._span.set_attribute("error.type", codes[0])
        if OUR_FAULTS.intersection(codes):
            self._tracing.set_failed(self._span)
        self._span.end()
