"""What every test may use: the marker that names a behaviour, free ports, and whole running services."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from tests.support.addresses import free_port as _free_port
from tests.support.examples import examples
from tests.support.order import dealt
from tests.support.service import Service

# How quickly a busy machine makes examples says nothing about them.
settings.register_profile(
    "ringplan",
    max_examples=examples(40),
    suppress_health_check=[HealthCheck.too_slow],
    deadline=None,
)
settings.load_profile("ringplan")


class ServiceFactory:
    """Starts services for one test: `new_service({"RINGPLAN_…": "…"})`."""

    def __init__(self) -> None:
        self.running: list[Service] = []

    def __call__(self, settings: Mapping[str, str] | None = None) -> Service:
        self.running.append(Service(settings))
        return self.running[-1]


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers", "behaviour(*ids): the statements of docs/behaviour.md that the test proves"
    )
    config.addinivalue_line(
        "markers", "quiet: listens to real phones, so it runs after the others with the machine to itself"
    )


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Deal the tests of a parallel run to its workers."""
    worker = getattr(config, "workerinput", None)
    if worker is not None:
        items[:] = dealt(items, lambda item: item.nodeid.partition("::")[0], worker["workercount"])


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Any:
    """Show the end of the log of every service that a failed test used."""
    report = yield
    if report.failed:
        for used in getattr(item, "funcargs", {}).values():
            services = used.running if isinstance(used, ServiceFactory) else [used]
            for service in services:
                if isinstance(service, Service):
                    report.sections.append(("Log of the service", service.log_tail()))
    return report


@pytest.fixture
def free_port() -> Callable[..., int]:
    """A function that returns a port nobody listens on: `free_port(address, kind)`."""
    return _free_port


@pytest.fixture(scope="session")
def service() -> Iterator[Service]:
    """A running service that all tests of this process share: each brings customers of its own."""
    with Service() as running:
        yield running


@pytest.fixture
def new_service() -> Iterator[ServiceFactory]:
    """Services for this test alone, ended after it."""
    factory = ServiceFactory()
    yield factory
    for service in factory.running:
        service.stop()
