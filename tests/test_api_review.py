"""The stylists' desk over HTTP, by a real server: the queue, decisions, keys, feedback, export, measures, knobs."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator

import httpx
import pytest

from assistant.api.app import create_api
from assistant.api.keys import FILE, Keys
from assistant.compose import Assistant
from retrieval import images
from tests.api_server import photo_url, serving, small_shop

REVIEW = "/v1/outfit/review"


@pytest.fixture
def shop(tmp_path) -> Iterator[Assistant]:
    assistant = small_shop(tmp_path).watched()
    yield assistant
    assistant.close()


@pytest.fixture
def api(shop) -> Iterator[httpx.Client]:
    with serving(create_api(shop)) as address, httpx.Client(base_url=address, timeout=30) as client:
        yield client


def recommend(api: httpx.Client, shop: Assistant, **body) -> dict:
    reply = api.post("/v1/outfit/recommend", json=body or {"sku": "1"})
    assert reply.status_code == 200, reply.text
    shop.desk.intake.settle()
    return reply.json()


def skus(answer: dict) -> list[set[str]]:
    return [{piece["item"]["sku"] for piece in look["pieces"]} for look in answer["looks"]]


def decide(api: httpx.Client, **body) -> httpx.Response:
    return api.post(f"{REVIEW}/decisions", json={"who": "Mei", **body})


def queue(api: httpx.Client, **conditions) -> list[dict]:
    reply = api.get(f"{REVIEW}/cases", params=conditions)
    assert reply.status_code == 200, reply.text
    return reply.json()["data"]


def test_a_rejected_pair_is_not_shown_again_and_an_approved_look_comes_first(api, shop):
    before = recommend(api, shop)
    looks = queue(api, kind="look")
    assert [{p["sku"] for p in case["pieces"]} for case in looks] == skus(before)
    bad = looks[0]["pieces"][0]["sku"]
    done = decide(api, cases=[looks[0]["id"]], act="reject", reason="colour", sku=bad, words="too blue")
    assert done.status_code == 200 and done.json()["decided"][0]["words"] == "too blue"
    after = recommend(api, shop)
    assert after["looks"] and all(bad not in look for look in skus(after))
    assert all(piece["item"]["sku"] != bad for piece in after["withheld"])

    last = queue(api, kind="look")[-1]
    wanted = {p["sku"] for p in last["pieces"]}
    assert decide(api, cases=[last["id"]], act="approve").json()["settled"] >= 0
    assert skus(recommend(api, shop))[0] == wanted

    # Taken back, both: as it was.
    assert api.post(f"{REVIEW}/undo", json={"who": "Mei"}).json()["decisions"][0]["act"] == "undo"
    assert api.post(f"{REVIEW}/undo", json={"who": "Mei"}).status_code == 200
    assert api.post(f"{REVIEW}/undo", json={"who": "Mei"}).status_code == 409
    assert skus(recommend(api, shop)) == skus(before)


def test_a_decision_about_a_photo_holds_for_its_kind_of_garment(api, shop):
    first = recommend(api, shop, image=photo_url())
    case = queue(api, kind="look")[0]
    assert case["holds_for"].startswith("kind:") and case["has_photo"]
    photo = api.get(f"{REVIEW}/cases/{case['id']}/photo")
    assert max(images.decode(photo.content).size) <= 256 and photo.headers["cache-control"] == "private, no-store"
    bad = case["pieces"][0]["sku"]
    decide(api, cases=[case["id"]], act="reject", reason="style", sku=bad)
    again = recommend(api, shop, image=photo_url((42, 61, 131)))  # another photo of such a garment
    assert again["garment"]["attributes"]["colour"] == first["garment"]["attributes"]["colour"]
    assert all(bad not in look for look in skus(again))


def test_a_case_shows_what_the_model_said_in_both_orders(api, shop):
    recommend(api, shop)
    case = queue(api, kind="look")[0]
    assert all(piece["p_yes_swapped"] is None for piece in case["pieces"])
    whole = api.get(f"{REVIEW}/cases/{case['id']}").json()
    reference = shop.catalogue.item("1").as_garment()
    for piece in whole["pieces"]:
        item = shop.catalogue.item(piece["sku"]).as_garment()
        assert piece["p_yes_swapped"] == pytest.approx(shop.stylist.model.judge(item, reference, "en").p_yes, abs=1e-4)
    assert whole["trace"]["steps"] and whole["candidates"] and whole["garment"]["sku"] == "1"
    assert api.get(f"{REVIEW}/cases/{case['id']}/photo").json()["error"]["code"] == "photo_gone"  # an item of the shop


def test_a_replacement_is_carried_and_worn_in_the_same_place(api, shop):
    recommend(api, shop)
    case = next(c for c in queue(api, kind="look") if {p["slot"] for p in c["pieces"]} >= {"shoes"})
    shoes = next(p["sku"] for p in case["pieces"] if p["slot"] == "shoes")
    other = next(sku for sku in ("7", "8", "9") if sku != shoes)
    for instead, status in (("nothing", 404), ("3", 400), (shoes, 400)):
        assert decide(api, cases=[case["id"]], act="replace", sku=shoes, instead=instead).status_code == status
    assert decide(api, cases=[case["id"]], act="replace", sku=shoes, instead=other).status_code == 200
    assert ({p["sku"] for p in case["pieces"]} - {shoes}) | {other} == skus(recommend(api, shop))[0]


def test_who_came_second_is_told_who_was_first(api, shop):
    recommend(api, shop)
    ids = [case["id"] for case in queue(api, kind="look")]
    decide(api, cases=ids[:1], act="approve", who="Li")
    both = decide(api, cases=ids, act="reject", reason="other").json()
    assert both["late"] == [{"case": ids[0], "who": "Li"}]
    assert {d["case"] for d in both["decided"]} <= set(ids[1:]) and len({d["batch"] for d in both["decided"]}) == 1
    decided = queue(api, state="approved")[0]
    assert decided["decision"]["who"] == "Li" and decided["decision"]["at"]


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"cases": [], "act": "approve"}, "cases"),
        ({"cases": [1], "act": "love"}, "act"),
        ({"cases": [1], "act": "approve", "who": ""}, "who"),
        ({"cases": [1], "act": "reject", "reason": "ugly"}, "reason"),
    ],
)
def test_a_wrong_decision_names_its_field(api, body, param):
    reply = decide(api, **body)
    assert reply.status_code == 400 and reply.json()["error"]["param"] == param


def test_a_rejection_needs_a_reason_and_a_case_must_be_there(api):
    assert "colour, occasion" in decide(api, cases=[1], act="reject").json()["error"]["message"]
    assert decide(api, cases=[77], act="approve").status_code == 400
    assert api.get(f"{REVIEW}/cases/77").status_code == 404
    assert api.get(f"{REVIEW}/cases/99999999999").status_code == 404
    assert api.get(f"{REVIEW}/cases", params={"limit": 1000}).status_code == 400
    form = api.post(f"{REVIEW}/decisions", content='{"cases":[1],"act":"approve","who":"x"}', headers={"content-type": "text/plain"})
    assert form.status_code == 400  # what a form on another page could send


def test_keys_are_asked_for_and_kept_with_the_decision(shop, tmp_path):
    keys = Keys(tmp_path / FILE)
    key, of_shop = keys.make("stylists", "desk"), keys.make("web shop")
    with serving(create_api(shop, keys=keys)) as address:
        for path in ("/progress", "/cases", "/cases/1", "/cases/1/photo", "/export", "/measures", "/knobs", "/profiles"):
            assert httpx.get(f"{address}{REVIEW}{path}").status_code == 401, path
        for path in ("decisions", "undo", "try"):
            assert httpx.post(f"{address}{REVIEW}/{path}", json={}).status_code == 401, path
        with httpx.Client(base_url=address, headers={"authorization": f"Bearer {of_shop}"}, timeout=30) as api:
            recommend(api, shop)
            for path in ("/progress", "/cases", "/cases/1/photo", "/export", "/knobs"):
                refused = api.get(f"{REVIEW}{path}")
                assert refused.status_code == 403 and refused.json()["error"]["code"] == "wrong_role", path
            assert decide(api, cases=[1], act="approve").status_code == 403
        with httpx.Client(base_url=address, headers={"authorization": f"Bearer {key}"}, timeout=30) as api:
            case = queue(api, kind="look")[0]
            assert decide(api, cases=[case["id"]], act="approve").json()["decided"][0]["key_id"] == keys.check(key).id


# --- feedback ---------------------------------------------------------------------------------------------------------


def test_a_complaint_comes_first_at_the_desk(api, shop):
    recommend(api, shop)
    last = queue(api, kind="look")[-1]
    shown = [p["sku"] for p in last["pieces"]]
    said = api.post("/v1/outfit/feedback", json={"reference": "1", "skus": shown, "rating": "down", "words": "no"})
    assert said.status_code == 200 and said.json()["case"] == last["id"]
    first = queue(api)[0]
    assert first["id"] == last["id"] and first["is_contested"] and first["complaints"] == 1
    assert api.get(f"{REVIEW}/cases/{first['id']}").json()["opinions"][0]["words"] == "no"


def test_what_a_shop_showed_by_itself_becomes_a_case(api):
    said = api.post(
        "/v1/outfit/feedback",
        json={"garment": {"category": "Shirts", "gender": "Men", "colour": "White"}, "skus": ["2"], "rating": "up"},
    ).json()
    case = api.get(f"{REVIEW}/cases/{said['case']}").json()
    assert case["holds_for"] == "kind:Men|Shirts|White" and case["praise"] == 1 and case["pieces"][0]["model"] == ""


@pytest.mark.parametrize(
    ("body", "status", "param"),
    [
        ({"skus": ["2"], "rating": "up"}, 400, "reference"),
        ({"reference": "1", "skus": [], "rating": "up"}, 400, "skus"),
        ({"reference": "1", "skus": ["1"], "rating": "up"}, 400, "skus"),
        ({"reference": "1", "skus": ["nothing"], "rating": "up"}, 404, "skus"),
        ({"reference": "nothing", "skus": ["1"], "rating": "up"}, 404, "reference"),
        ({"reference": "1", "skus": ["2"], "rating": "maybe"}, 400, "rating"),
    ],
)
def test_feedback_about_nothing_is_refused(api, body, status, param):
    reply = api.post("/v1/outfit/feedback", json=body)
    assert (reply.status_code, reply.json()["error"]["param"]) == (status, param)


# --- export, measures, knobs ------------------------------------------------------------------------------------------


def test_export_and_measures_tell_what_was_decided(api, shop):
    recommend(api, shop)
    looks = queue(api, kind="look")
    decide(api, cases=[looks[0]["id"]], act="reject", reason="colour", sku=looks[0]["pieces"][0]["sku"])
    rows = [json.loads(line) for line in api.get(f"{REVIEW}/export").text.splitlines()]
    table = list(csv.DictReader(io.StringIO(api.get(f"{REVIEW}/export", params={"format": "csv"}).text)))
    assert len(rows) == len(table) == 1 and table[0]["reason"] == rows[0]["reason"] == "colour"
    told = api.get(f"{REVIEW}/measures").json()
    assert told["overall"]["n"] == 1 and told["overall"]["false_yes"] == 1 and told["overall"]["agreement"] == 0
    assert told["rejected_items"][0]["title"] and told["latency"]["n"] == 1
    assert api.get(f"{REVIEW}/progress").json()["rejected"] == 1


def test_knobs_are_tried_and_kept_with_their_effect(api):
    inuse = api.get(f"{REVIEW}/knobs").json()
    knobs = inuse["knobs"]
    assert inuse["ranges"]["text_weight"] == {"least": 0, "most": 1, "step": 0.05}
    same = api.post(f"{REVIEW}/try", json={"knobs": knobs, "sample": 3}).json()
    assert same["changed"] == 0 and len(same["sample"]) == 3 and same["now"]["looks"] == same["then"]["looks"]
    turned = {**knobs, "admitted_per_slot": 1, "guardrail_both_orders": True}
    trial = api.post(f"{REVIEW}/try", json={"knobs": turned, "sample": 3}).json()
    assert trial["then"]["asked"] < trial["now"]["asked"]
    assert api.post(f"{REVIEW}/try", json={"knobs": {**knobs, "text_weight": 2}}).json()["error"]["param"] == "knobs.text_weight"
    saved = api.put(f"{REVIEW}/profiles/one a slot", json={"knobs": turned, "who": "Mei", "sample": 3}).json()
    assert saved["effect"]["asked"] == trial["then"]["asked"] and "guardrail_both_orders = true" in saved["settings"]
    assert [p["name"] for p in api.get(f"{REVIEW}/profiles").json()["data"]] == ["one a slot"]
    assert api.delete(f"{REVIEW}/profiles/one a slot").status_code == 204
    assert api.delete(f"{REVIEW}/profiles/one a slot").status_code == 404


def test_a_profile_is_put_to_use_told_with_who_and_when_and_taken_back(api):
    began = api.get(f"{REVIEW}/knobs").json()
    assert began["use"] is None and began["can_undo"] is False
    assert api.post(f"{REVIEW}/knobs/undo", json={"who": "Mei"}).status_code == 409
    missing = api.put(f"{REVIEW}/knobs", json={"profile": "none", "who": "Mei"})
    assert missing.status_code == 404 and missing.json()["error"]["param"] == "profile"
    turned = {**began["knobs"], "admitted_per_slot": 1}
    api.put(f"{REVIEW}/profiles/one", json={"knobs": turned, "who": "Mei", "sample": 1}).raise_for_status()
    used = api.put(f"{REVIEW}/knobs", json={"profile": "one", "who": "Mei"}).json()
    assert used["knobs"]["admitted_per_slot"] == 1 and (used["use"]["name"], used["use"]["who"]) == ("one", "Mei")
    assert used["use"]["at"].endswith("Z") and used["can_undo"] is True
    same = api.post(f"{REVIEW}/try", json={"knobs": turned, "sample": 2}).json()
    assert same["changed"] == 0 and same["now"]["asked"] == same["then"]["asked"]  # "now" is by the profile, too
    back = api.post(f"{REVIEW}/knobs/undo", json={"who": "Li"}).json()
    assert back["knobs"] == began["knobs"] and (back["use"]["name"], back["use"]["who"], back["can_undo"]) == (None, "Li", False)
    api.delete(f"{REVIEW}/profiles/one")


def test_the_documentation_has_examples_and_exact_answers(api):
    document = api.get("/v1/openapi.json").json()
    paths = {path: ops for path, ops in document["paths"].items() if "/review/" in path or path.endswith("/feedback")}
    assert len(paths) >= 12
    schemas = document["components"]["schemas"]
    for path, operations in paths.items():
        for method, operation in operations.items():
            assert operation["summary"] and operation["description"], (path, method)
            if "requestBody" in operation:
                name = operation["requestBody"]["content"]["application/json"]["schema"]["$ref"].split("/")[-1]
                assert schemas[name]["examples"], name
    for name in ("Case", "Outcome", "Measures", "Trial", "Profile", "Progress"):
        assert schemas[name]["additionalProperties"] is False, name
