"""docker-compose.yml and deploy/: what can be checked without an engine.

The reference parser of Compose does not notice a `depends_on` without a service, a mount without a
file, or two files that disagree; these tests do. The parser has a test of its own among the
integration tests.
"""

import itertools
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
import yaml

from schema.search_attributes import SEARCH_ATTRIBUTES
from schema.version import VERSION
from tests.sources import ROOT
from workers.dev_server import DYNAMIC_CONFIG

COMPOSE: Mapping[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text("utf-8"))
SERVICES: Mapping[str, Any] = COMPOSE["services"]
DEPLOY = ROOT / "deploy"

PINNED = re.compile(r"[\w./-]+:\d+\.\d+(\.\d+)?(-[\w.-]+)?")
CONDITIONS = {"service_healthy", "service_completed_successfully"}


def mounts() -> Iterator[tuple[str, str]]:
    for name, service in SERVICES.items():
        for volume in service.get("volumes", []):
            yield name, volume.split(":")[0]


def test_every_image_is_pinned() -> None:
    images = {name: service["image"] for name, service in SERVICES.items()}

    assert not {name: image for name, image in images.items() if not PINNED.fullmatch(image)}


def test_base_image_is_pinned() -> None:
    bases = re.findall(r"^FROM (\S+)", (DEPLOY / "Dockerfile").read_text("utf-8"), re.MULTILINE)

    assert bases
    assert all(PINNED.fullmatch(base) for base in bases)


def test_every_dependency_is_a_service_that_can_meet_its_condition() -> None:
    for name, service in SERVICES.items():
        for needed, how in service.get("depends_on", {}).items():
            assert needed in SERVICES, f"{name} depends on {needed}"
            assert how["condition"] in CONDITIONS
            if how["condition"] == "service_healthy":
                assert "healthcheck" in SERVICES[needed], f"{needed} has no health check"


def test_services_start_in_the_order_that_temporal_needs() -> None:
    """A worker that polls a namespace before it exists needs ten seconds to recover."""
    order = ["temporal-schema", "temporal", "temporal-namespace", "worker"]

    for earlier, later in itertools.pairwise(order):
        assert earlier in SERVICES[later]["depends_on"]


@pytest.mark.parametrize(("service", "source"), list(mounts()))
def test_every_mount_exists(service: str, source: str) -> None:
    if source.startswith("./"):
        assert (ROOT / source).exists(), f"{service} mounts {source}"
    else:
        assert source in COMPOSE["volumes"]


def test_ports_are_published_on_loopback_only() -> None:
    published = [port for service in SERVICES.values() for port in service.get("ports", [])]

    assert published
    assert all(port.startswith("127.0.0.1:") for port in published)


def test_worker_image_has_the_version_of_the_distribution() -> None:
    assert SERVICES["worker"]["image"] == f"holdfast:{VERSION}"
    assert (ROOT / SERVICES["worker"]["build"]["dockerfile"]).is_file()


def test_server_has_the_version_that_the_embedded_one_is_built_from() -> None:
    module = (DEPLOY / "temporal-cli" / "go.mod").read_text("utf-8")
    server = re.search(r"go\.temporal\.io/server v(\S+)", module)

    assert server is not None
    for name in ("temporal", "temporal-schema", "temporal-namespace"):
        assert SERVICES[name]["image"].endswith(":" + server[1])


def test_dynamic_config_equals_that_of_the_embedded_server() -> None:
    """The same values, but for durations: plain text there, JSON text on a command line."""
    text = (DEPLOY / "temporal" / "dynamic-config.yaml").read_text("utf-8")
    shipped = {name: constraints[0]["value"] for name, constraints in yaml.safe_load(text).items()}

    assert shipped == {name: json.loads(value) for name, value in DYNAMIC_CONFIG.items()}


def test_namespace_job_registers_every_search_attribute() -> None:
    script = (DEPLOY / "temporal" / "namespace.sh").read_text("utf-8")

    assert dict(re.findall(r"--name (\w+) --type (\w+)", script)) == dict(SEARCH_ATTRIBUTES)
