"""A whole service registers at a carrier that is not ours: SIPp challenges it and checks its digest."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ServiceFactory
from tests.support.addresses import fresh_address
from tests.support.service import Service
from tests.support.sipp import Sipp
from tests.support.waiting import wait_for

REGISTRAR = Path(__file__).parents[2] / "sipp_scenarios" / "common" / "carrier_registrar.xml"


def trunk(service: Service) -> dict[str, Any]:
    (found,) = json.loads(service.run_cli("trunks", "--json"))["trunks"]
    return dict(found)


@pytest.mark.parametrize(("password", "code"), [("the right one", 200), ("a wrong one", 403)])
def test_registering_at_sipp(new_service: ServiceFactory, tmp_path: Path, password: str, code: int) -> None:
    service = new_service({"RINGPLAN_TRUNKS__PROBE_INTERVAL": "0"})
    address = fresh_address()
    keys = {"user": "ringplan", "secret": "the right one"}
    carrier = Sipp(REGISTRAR, tmp_path / "carrier", address, service.sip, calls=0, keys=keys)
    try:
        service.apply(
            f'[[trunks]]\nname = "carrier"\nhost = "{address}"\nregister = true\n'
            f'username = "ringplan"\npassword = "{password}"\n'
        )
        wait_for(lambda: any(message.status == code for message in carrier.messages), 5, f"{code} from SIPp")
        if code == 200:
            wait_for(lambda: trunk(service)["registered_for"], 5, "the registration to be shown")
            assert trunk(service)["registered_for"] <= 60
            assert [event["seconds"] for event in service.events("trunk.registered")] == [60]
            assert "carrier" in service.run_cli("trunks")
        else:
            wait_for(lambda: trunk(service)["problem"], 5, "the refusal to be shown")
            assert trunk(service)["problem"] == "registration failed (403)"
            assert trunk(service)["registered_for"] is None
        # On a busy machine each may come several times.
        heard = {message.header("CSeq"): message for message in carrier.messages if message.received}
        first, second = heard["1 REGISTER"], heard["2 REGISTER"]
        assert first.header("Call-ID") == second.header("Call-ID")
        assert not first.header("Authorization")
        assert second.header("Contact") == f"<sip:ringplan@{service.sip[0]}:{service.sip[1]}>"
    finally:
        carrier.stop()
