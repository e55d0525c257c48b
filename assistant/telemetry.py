"""Traces for an OpenTelemetry collector, where one is configured: a span a request, and in it one for each step of the
main path. Neither words nor pictures nor keys go along."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from retrieval.errors import InvalidSetting

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from assistant.looks import Trace

_SIGNS_OF_LIFE = "healthz,readyz,metrics"


class Telemetry:
    """Sends to the collector at `url` over OTLP/HTTP, in the background. `close` sends what is left."""

    def __init__(self, url: str) -> None:
        try:
            from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
            from opentelemetry.instrumentation.asgi import OpenTelemetryMiddleware
            from opentelemetry.sdk.resources import Resource
            from opentelemetry.sdk.trace import TracerProvider
            from opentelemetry.sdk.trace.export import BatchSpanProcessor
        except ImportError as error:
            raise InvalidSetting(
                f"setting otlp_url = {url!r}: the packages for OpenTelemetry are missing ({error.name})",
                hint="pip install 'outfit-assistant[telemetry]', or leave the setting out",
            ) from error
        self._provider = TracerProvider(resource=Resource.create({"service.name": "outfit-assistant"}))
        exporter = OTLPSpanExporter(f"{url.rstrip('/')}/v1/traces", timeout=5)
        self._provider.add_span_processor(BatchSpanProcessor(exporter, schedule_delay_millis=1_000))
        self._middleware = OpenTelemetryMiddleware

    def around(self, app: ASGIApp) -> ASGIApp:
        """The application with a span around each request, named by its route."""
        from opentelemetry import trace

        async def named(scope: Scope, receive: Receive, send: Send) -> None:
            span = trace.get_current_span()

            async def send_named(message: Message) -> None:
                route = getattr(scope.get("route"), "path", None)
                if message["type"] == "http.response.start" and route:  # the span ends with the last byte
                    span.update_name(f"{scope['method']} {route}")
                    span.set_attribute("http.route", route)
                    span.set_attribute("outfit.request_id", scope["state"]["request_id"])
                await send(message)

            await app(scope, receive, send_named)

        more: dict[str, Any] = {"exclude_spans": ["receive", "send"], "excluded_urls": _SIGNS_OF_LIFE}
        return self._middleware(named, tracer_provider=self._provider, **more)

    def steps(self, trace: Trace) -> None:
        """Spans for the steps of an answer that has just ended, inside the request's span. Steps that went on at the
        same time are told one after another: only how long they took is known."""
        tracer = self._provider.get_tracer("outfit")
        at_ns = time.time_ns() - round(sum(step.seconds for step in trace.steps) * 1e9)
        for step in trace.steps:
            span = tracer.start_span(step.name, start_time=at_ns)
            span.set_attributes({f"outfit.{name}": value for name, value in step.counts.items()})
            if step.model:
                span.set_attribute("outfit.model", step.model)
            at_ns += round(step.seconds * 1e9)
            span.end(at_ns)

    def close(self) -> None:
        self._provider.shutdown()
