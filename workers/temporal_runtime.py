"""The SDK's own runtime, whose log messages go where all others of this process go.

By itself the SDK writes them to standard output, among the results of a command.
"""

import functools
import logging

from temporalio.runtime import (
    LogForwardingConfig,
    LoggingConfig,
    Runtime,
    TelemetryConfig,
    TelemetryFilter,
)

LOG = logging.getLogger("temporalio.core")


@functools.cache
def temporal_runtime() -> Runtime:
    """Give the one runtime of this process, made at the first call."""
    LOG.addFilter(_without_raw_message)
    forwarding = LogForwardingConfig(LOG, append_target_to_name=False)
    warnings = TelemetryFilter(core_level="WARN", other_level="ERROR")
    return Runtime(
        telemetry=TelemetryConfig(logging=LoggingConfig(filter=warnings, forwarding=forwarding))
    )


def _without_raw_message(record: logging.LogRecord) -> bool:
    """Drop the SDK's copy of the message, which would be written a second time as a field."""
    record.__dict__.pop("temporal_log", None)
    return True
