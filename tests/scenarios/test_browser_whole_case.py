"""An adult case in a real browser, from the first report to its end: every step through the pages."""

import threading
from datetime import datetime

import pytest
import time_machine
from lives import NO_POLICE, filed
from story import ZONE, Story
from werkzeug.serving import make_server
from windows import Windows

from service.app import create_app

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.fixture
def begin(platform, crew):
    """Begin a story whose people sit before browsers."""
    server = make_server("127.0.0.1", 0, create_app(platform=platform), threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    windows = Windows(platform, crew, f"http://127.0.0.1:{server.port}")
    travels = []

    def story(minute, *, by="windows"):
        del by
        travel = time_machine.travel(datetime.fromisoformat(minute).replace(tzinfo=ZONE), tick=False)
        travels.append(travel)
        return Story(platform, windows, travel.start())

    yield story
    for travel in travels:
        travel.stop()
    windows.close()
    server.shutdown()
    thread.join()
    assert windows.complaints == []


@pytest.mark.parametrize("kind", ["sqlite"])
def test_a_case_goes_from_the_report_to_its_end_in_the_browser(begin):
    told = filed(begin, "2027-02-22 09:00")
    told.do("register_receipt", application_received_on="2027-02-22")
    dates = {"decision_on": "2027-02-24", "valid_from": "2027-03-01", "valid_to": "2027-03-30"}
    told.until("2027-02-24 07:30").do("register_decision", decision="granted", **dates)
    told.do("offer", right="interpreter", right_wish="yes")
    told.finish({"offer": {"right_wish": "no"}, **NO_POLICE})
    reached = told.milestones()
    order = ["application-sent", "rights-package-activated", "decision-granted"]
    assert [each for each in reached if each in order] == order
    assert {"case", "application", "rights_package", "right", "reflection_period"} <= told.processes()
