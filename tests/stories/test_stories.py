"""Each story of `sipp_scenarios/`, performed by SIPp against a running service."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest
from _pytest.mark import ParameterSet

from tests.conftest import ServiceFactory
from tests.stories.stage import Stage
from tests.stories.story import Story, all_stories
from tests.stories.verdict import judge
from tests.support.service import Service

STORIES = all_stories()
ON_ANOTHER_NETWORK = "10.0.0.0/8"
"""What the service of an `advertised` story takes for its local network, so that its phones are outside."""


def told(stories: Iterable[Story]) -> list[ParameterSet]:
    """The stories as parameters, each marked with the statements that it proves."""
    return [
        pytest.param(
            story,
            id=story.name,
            marks=[pytest.mark.behaviour(*story.behaviour), *([pytest.mark.quiet] if story.quiet else [])],
        )
        for story in stories
    ]


@pytest.fixture(scope="session")
def town(service: Service) -> Service:
    """The shared service with the customers of all stories."""
    service.apply("\n".join(story.company for story in STORIES if not story.advertised and not story.trunked))
    return service


@pytest.fixture(scope="session")
def exchange() -> Iterator[Service]:
    """Another service, for the stories with trunks: those are the whole platform's."""
    with Service({"RINGPLAN_CALLS__TRUNK_SILENCE": "1"}) as running:
        yield running


@pytest.mark.parametrize(
    "story", told(story for story in STORIES if not story.advertised and not story.trunked)
)
def test_story(story: Story, town: Service, tmp_path: Path) -> None:
    with Stage(story, town, tmp_path) as stage:
        stage.perform()
        judge(stage)


@pytest.mark.parametrize("story", told(story for story in STORIES if story.trunked))
def test_story_with_trunks(story: Story, exchange: Service, tmp_path: Path) -> None:
    with Stage(story, exchange, tmp_path) as stage:
        stage.perform()
        judge(stage)


@pytest.mark.parametrize("story", told(story for story in STORIES if story.advertised))
def test_story_of_an_advertised_address(
    story: Story, new_service: ServiceFactory, free_port: object, tmp_path: Path
) -> None:
    assert callable(free_port)
    service = new_service(
        {
            "RINGPLAN_SIP__UDP": f"0.0.0.0:{free_port('0.0.0.0')}",
            "RINGPLAN_SIP__PUBLIC_ADDRESS": story.advertised,
            "RINGPLAN_SIP__LOCAL_NETWORKS": ON_ANOTHER_NETWORK,
            "RINGPLAN_MEDIA__PUBLIC_ADDRESS": story.advertised,
            "RINGPLAN_MEDIA__PORTS": "24000-24799",
        }
    )
    service.apply(story.company)
    with Stage(story, service, tmp_path) as stage:
        stage.perform()
        judge(stage)


def test_every_customer_and_number_is_one_storys_alone() -> None:
    from provisioning.file.company_file import parse_company_file

    company = "\n".join(story.company.partition("[[trunks]]")[0] for story in STORIES)
    assert len(parse_company_file(company).customers) >= len(STORIES)
