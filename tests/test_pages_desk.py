"""The stylists' desk in a real browser, over the real app and a copy of the demo catalogue. Skipped by name without Chromium."""

from __future__ import annotations

import io
import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import httpx
import pytest
from PIL import Image

from assistant.compose import Assistant, build
from assistant.desk.knobs import Knobs, effect_of
from assistant.desk.store import Filter
from assistant.rulings import Book
from assistant.serve import build_app
from assistant.settings import Settings
from retrieval import images, resources
from retrieval.items import Gender
from tests.api_server import serving
from tests.browser import Tab

PHOTO = resources.path("demo/photos/hanger_shirt.jpg")


@pytest.fixture(scope="module")
def shop(demo, demo_settings, tmp_path_factory) -> Iterator[Assistant]:
    """The app over a demo catalogue of its own: what is decided here concerns no other test."""
    home = tmp_path_factory.mktemp("desk") / "home"
    shutil.copytree(demo_settings.home, home)
    assistant = build(Settings.load(home=home, port=0))
    yield assistant
    assistant.close()


@pytest.fixture(scope="module")
def address(shop) -> Iterator[str]:
    with serving(build_app(shop)) as at:
        yield at + "/"


class Desk(Tab):
    """A stylist's browser tab."""

    def ready(self) -> None:
        """Until a case is shown, or that there is none."""
        self.tab.wait_for_selector("#case .piece[data-sku], #case .empty")

    def only(self, **filters: str) -> None:
        with self.tab.expect_response(lambda reply: "/cases?" in reply.url):
            for name, value in filters.items():
                self.tab.select_option(f"[name={name}]", value)
        self.tab.evaluate("document.activeElement.blur()")
        self.ready()

    def key(self, key: str, asks: str = "/decisions") -> Any:
        """Press it and wait for what it asks the server."""
        with self.tab.expect_response(lambda reply: asks in reply.url) as asked:
            self.tab.keyboard.press(key)
        return asked.value

    @property
    def at(self) -> int:
        return int(self.tab.get_attribute("#list .now", "data-case"))

    def listed(self) -> int:
        return self.tab.locator("#list li").count()


@pytest.fixture
def visit(browser, address) -> Iterator[Callable[..., Desk]]:
    contexts, desks = [], []

    def open_desk(*, who: str = "Mei", at: str = address, locale: str = "en-GB", width: int = 1360, **options: Any) -> Desk:
        context = browser.new_context(locale=locale, viewport={"width": width, "height": 900}, **options)
        context.set_default_timeout(60_000)
        contexts.append(context)
        if who:
            context.add_init_script(f"localStorage.setItem('desk-who', '{who}')")
        desk = Desk(context.new_page())
        desks.append((desk, at))
        desk.tab.goto(at + "desk")
        return desk

    yield open_desk
    for desk, at in desks:
        desk.check(at)
    for context in contexts:
        context.close()


@pytest.fixture
def cases(shop, address) -> list[int]:
    """Open cases of three items that no test has used before, as the API's clients brought them about."""
    before = shop.desk.store.count(Filter(state=None))
    used = {case.reference for case in shop.desk.store.cases(Filter(state=None), limit=1_000)}
    fresh = [i.sku for i in shop.catalogue.all_items()
             if i.category in ("Jeans", "Skirts", "Shirts") and i.gender is not Gender.GIRLS and f"sku:{i.sku}" not in used]  # fmt: skip
    for sku in fresh[:3]:
        assert httpx.post(f"{address}v1/outfit/recommend", json={"sku": sku}, timeout=60).status_code == 200
    shop.desk.intake.settle()
    found = [case.id for case in shop.desk.store.cases(Filter(state=None), limit=1_000)]
    assert len(found) > before
    return found


def state(shop: Assistant, case_id: int) -> str:
    return shop.desk.store.case(case_id).state


def test_approve_reject_replace_and_undo_by_one_key_each(visit, shop, cases):
    desk = visit()
    desk.ready()
    desk.only(what="look")
    first = desk.at
    assert desk.key("a").ok and state(shop, first) == "approved"
    desk.ready()
    second = desk.at
    assert second != first
    desk.tab.keyboard.press("ArrowRight")
    piece = desk.tab.locator("#case .chosen").get_attribute("data-sku")
    desk.key("3")
    decision = list(shop.desk.store.record())[-1][0]
    assert (decision.act, decision.reason, decision.sku, decision.who) == ("reject", "season", piece, "Mei")

    desk.key("u", "/undo")
    desk.tab.wait_for_selector(f"#list .now[data-case='{second}']")
    assert state(shop, second) == "open"

    desk.tab.keyboard.press("ArrowRight")
    desk.tab.keyboard.press("r")
    desk.tab.keyboard.press("2")
    desk.tab.keyboard.type("for the office")
    desk.key("Enter")
    decision = list(shop.desk.store.record())[-1][0]
    assert (decision.reason, decision.words) == ("occasion", "for the office")
    desk.key("u", "/undo")
    desk.tab.wait_for_selector(f"#list .now[data-case='{second}']")

    for _ in range(len(shop.desk.store.case(second).pieces)):  # the first piece that has another to take its place
        desk.tab.keyboard.press("ArrowRight")
        desk.tab.keyboard.press("s")
        if desk.tab.locator("#instead .candidate").count():
            break
        desk.tab.keyboard.press("Escape")
    instead = desk.tab.locator("#instead .candidate").first.get_attribute("data-sku")
    desk.key("1")
    decision = list(shop.desk.store.record())[-1][0]
    assert (decision.act, decision.instead) == ("replace", instead)

    desk.ready()
    here = desk.at
    desk.tab.keyboard.press("n")
    assert desk.at != here and state(shop, here) == "open"
    desk.tab.keyboard.press("p")
    assert desk.at == here


class Held:
    """What is asked of an address from now on waits here."""

    def __init__(self, desk: Desk, address: str) -> None:
        self._tab, self._is_open, self.routes = desk.tab, False, []
        desk.tab.wait_for_load_state("networkidle")  # pictures under way while a route is set may never come, and hold connections
        desk.tab.route(address, lambda route: route.continue_() if self._is_open else self.routes.append(route))

    def let_go(self) -> None:
        """Once the first has come: it goes on, and so does what follows."""
        while not self.routes:
            self._tab.wait_for_timeout(20)
        self._is_open = True
        for route in self.routes:
            route.continue_()


def test_keys_pressed_before_the_server_has_answered_are_about_the_case_on_show(visit, shop, cases):
    desk = visit()
    desk.ready()
    desk.only(what="look")
    first = desk.at
    waiting = Held(desk, "**/decisions")
    desk.tab.keyboard.down("a")
    desk.tab.keyboard.down("a")  # held down: the keyboard repeats it
    desk.tab.keyboard.up("a")
    second = desk.at
    assert second != first
    desk.tab.keyboard.press("ArrowRight")
    piece = desk.tab.locator("#case .chosen").get_attribute("data-sku")
    desk.tab.keyboard.press("3")
    third = desk.at
    assert third not in (first, second)
    waiting.let_go()
    desk.tab.locator("#toast").get_by_text("Rejected: 1").wait_for()
    assert len(waiting.routes) == 1  # one after the other, in the order of the keys
    (one, _), (other, _) = list(shop.desk.store.record())[-2:]
    assert (one.case_id, one.act) == (first, "approve")
    assert (other.case_id, other.act, other.sku) == (second, "reject", piece)
    assert desk.at == third and state(shop, third) == "open"


def test_a_decision_that_does_not_arrive_is_in_the_list_again(visit, shop, cases):
    desk = visit()
    desk.ready()
    desk.only(what="look")
    before = desk.tab.locator("#list li").evaluate_all("all => all.map(li => li.dataset.case)")
    desk.tab.route("**/decisions", lambda route: route.abort())
    desk.tab.keyboard.press("n")
    desk.tab.keyboard.press("a")
    desk.tab.locator("#toast").get_by_text("The server does not answer").wait_for()
    after = desk.tab.locator("#list li").evaluate_all("all => all.map(li => li.dataset.case)")
    assert after[: len(before)] == before and str(desk.at) == before[2] and state(shop, int(before[1])) == "open"


def test_a_case_that_another_decision_has_answered_stays_until_the_stylist_moves_on(visit, shop, address, cases):
    reference, shared, *others = [item.sku for item in shop.catalogue.all_items()][-4:]
    told = [[shared], [shared, others[0]], [shared, others[1]]]
    ids = [httpx.post(f"{address}v1/outfit/feedback", json={"reference": reference, "skus": skus, "rating": "down"}, timeout=60)
           .json()["case"] for skus in told]  # fmt: skip
    desk = visit()
    desk.ready()
    desk.tab.fill("[name=text]", reference)
    desk.tab.keyboard.press("Enter")
    desk.tab.wait_for_selector(f"#list .now[data-case='{ids[0]}']")
    desk.tab.evaluate("document.activeElement.blur()")
    replace_piece = desk.tab.locator("[data-act=replace]")
    assert not replace_piece.is_visible()  # a pair has no other piece in its place
    desk.tab.keyboard.press("1")
    desk.tab.locator("#case").get_by_text("Settled by another").wait_for()
    assert replace_piece.is_visible()
    assert desk.at == ids[1] and [state(shop, one) for one in ids] == ["rejected", "settled", "settled"]
    assert desk.tab.locator(f"#list [data-case='{ids[2]}']").count() == 0
    desk.key("u", "/undo")
    desk.tab.wait_for_selector(f"#list .now[data-case='{ids[0]}']")
    assert [state(shop, one) for one in ids] == ["open"] * 3


def test_what_is_typed_into_a_filter_is_there_when_the_counts_come(visit, cases):
    desk = visit()
    desk.ready()
    desk.tab.wait_for_selector("[name=text]")
    waiting = Held(desk, "**/progress")
    desk.key("a")
    desk.tab.locator("[name=text]").press_sequentially("Jea")
    with desk.tab.expect_response("**/knobs"):  # asked for once the counts are drawn
        waiting.let_go()
    assert desk.tab.input_value("[name=text]") == "Jea"
    assert desk.tab.evaluate("document.activeElement.name") == "text"


def test_several_cases_are_decided_and_taken_back_at_once(visit, shop, cases):
    desk = visit()
    desk.ready()
    desk.only(what="look")
    ids = [int(one) for one in desk.tab.locator("#list li").evaluate_all("all => all.map(li => li.dataset.case)")][:3]
    for _ in ids:
        desk.tab.keyboard.press("x")
        desk.tab.keyboard.press("n")
    assert desk.tab.inner_text(".acts .about").startswith("3 marked")
    desk.key("a")
    assert [state(shop, one) for one in ids] == ["approved"] * 3
    desk.key("u", "/undo")
    assert [state(shop, one) for one in ids] == ["open"] * 3
    desk.ready()
    desk.tab.click("#mark-all")
    assert desk.tab.locator("#list :checked").count() == desk.listed()
    desk.tab.keyboard.press("Escape")
    assert desk.tab.locator("#list :checked").count() == 0


def test_a_case_shows_photo_verdicts_in_both_orders_palettes_and_trace(visit, shop, address):
    photo = images.to_data_url(images.read(PHOTO))
    assert httpx.post(f"{address}v1/outfit/recommend", json={"image": photo}, timeout=60).status_code == 200
    shop.desk.intake.settle()
    desk = visit()
    desk.ready()
    photo_case = next(c for c in shop.desk.store.cases(limit=1_000) if c.crop and c.kind == "look")
    desk.tab.fill("[name=text]", photo_case.reference[5:])
    with desk.tab.expect_response(lambda reply: "/cases?" in reply.url):
        desk.tab.keyboard.press("Enter")
    desk.ready()
    desk.tab.wait_for_function("() => document.querySelector('#case .own img')?.naturalWidth > 0")
    desk.tab.wait_for_function("() => [...document.querySelectorAll('#case .orders b')].every(b => /^[01]\\.\\d\\d$/.test(b.textContent))")
    assert desk.tab.locator("#case .piece[data-sku]").count() == len(shop.desk.store.case(desk.at).pieces)
    assert desk.tab.locator("#case .palette i").count() > 1
    desk.tab.evaluate("document.activeElement.blur()")
    desk.tab.keyboard.press("t")
    trace = shop.desk.store.case(desk.at).data["trace"]
    assert len(trace["steps"]) >= 3
    assert desk.tab.locator("#case .trace li").count() == len(trace["steps"]) + len(trace["notices"])
    assert desk.tab.locator("#case .trace[open]").count() == 1
    assert "every garment like it" in desk.tab.inner_text("#case .holds")


def test_a_pair_rejected_at_the_desk_is_not_shown_to_shoppers_again(visit, shop, browser, address):
    def shown() -> set[str]:
        context = browser.new_context(locale="en-GB", reduced_motion="reduce")
        tab = context.new_page()
        tab.goto(address)
        tab.wait_for_selector("#shop h1:not(:empty)")
        tab.set_input_files(".files", str(PHOTO))
        tab.wait_for_selector(".look, .choice .box", timeout=60_000)
        if not tab.locator(".look").count():
            tab.locator(".choice .box").first.click()
            tab.wait_for_selector(".look", timeout=60_000)
        tab.wait_for_function("() => !document.querySelector('#shop [data-busy]') && !document.querySelector('#pending')")
        skus = set(tab.locator(".look [data-piece]").evaluate_all("all => all.map(row => row.dataset.piece)"))
        context.close()
        return skus

    before = shown()
    shop.desk.intake.settle()
    desk = visit()
    desk.ready()
    case = next(c for c in shop.desk.store.cases(Filter(kind="look"), limit=1_000) if c.crop and set(c.skus) <= before)
    desk.tab.fill("[name=text]", case.skus[0])
    with desk.tab.expect_response(lambda reply: "/cases?" in reply.url):
        desk.tab.keyboard.press("Enter")
    desk.tab.click(f"#list [data-case='{case.id}'] .entry")
    desk.tab.locator(f"#case .piece[data-sku='{case.skus[0]}']").click()
    desk.key("1")
    assert case.skus[0] in before and case.skus[0] not in shown()


def test_measures_are_drawn_and_the_record_is_exported(visit, shop, cases):
    looks = [one.id for one in shop.desk.store.cases(Filter(kind="look"), limit=1_000)]
    from assistant.desk.decisions import Wanted

    shop.desk.store.decide(looks[:1], Wanted("approve", "Li"))
    shop.desk.store.decide(looks[1:2], Wanted("reject", "Li", "style", "", shop.desk.store.case(looks[1]).skus[0]))
    desk = visit()
    desk.ready()
    desk.tab.click("#tab-measures")
    desk.tab.wait_for_selector("#measures .chart svg")
    titles = desk.tab.locator("#measures .chart h2").all_inner_texts()
    assert {"Cohen’s kappa", "By category of the piece", "Most rejected items", "How long shoppers waited"} <= set(titles)
    assert desk.tab.locator("#measures svg rect").count() > 8 and desk.tab.locator("#measures table").count() == 0
    for kind in ("csv", "jsonl"):
        with desk.tab.expect_download() as saved:
            desk.tab.click(f"[data-export={kind}]")
        text = open(saved.value.path(), encoding="utf-8").read()
        assert len(text.splitlines()) == len(list(shop.desk.store.record())) + (kind == "csv")


def test_a_knob_is_tried_at_once_and_saved_with_its_effect(visit, shop):
    desk = visit()
    desk.ready()
    desk.tab.click("#tab-knobs")
    effect = "#effect:not([aria-busy]) [data-effect=asked]"
    desk.tab.wait_for_selector(effect, timeout=60_000)
    before = float(desk.tab.get_attribute(effect, "data-then"))
    dial = desk.tab.locator("[name=admitted_per_slot]")
    with desk.tab.expect_response(lambda reply: reply.url.endswith("/try"), timeout=60_000):
        dial.fill("2")
    desk.tab.wait_for_selector(effect, timeout=60_000)
    assert float(desk.tab.get_attribute(effect, "data-then")) < before
    assert float(desk.tab.get_attribute(effect, "data-now")) == before
    assert desk.tab.inner_text("#told-admitted_per_slot") == "2"
    desk.tab.fill("[name=profile]", "two a slot")
    desk.tab.keyboard.press("Enter")
    desk.tab.wait_for_selector("[data-profile='two a slot'] .effect", timeout=60_000)
    (kept,) = shop.desk.profiles.all()
    assert kept.knobs.admitted_per_slot == 2 and kept.effect["asked"] < before and kept.who == "Mei"
    assert shop.stylist.as_chosen().plan.policy.per_slot == 6  # shoppers see no change


def test_a_profile_is_put_to_use_announced_and_taken_back(visit, shop):
    shop.desk.profiles.save("bold", replace(Knobs.of(shop.stylist.plan), admitted_per_slot=3), effect_of([], Book()), "Li")
    desk, other = visit(), visit(who="Li", locale="zh-CN")
    desk.ready()
    assert desk.tab.is_hidden("#shop-goes-by")
    desk.tab.click("#tab-knobs")
    with desk.tab.expect_response(lambda reply: reply.request.method == "PUT"):
        desk.tab.click("[data-use=bold]")
    desk.tab.wait_for_selector("#in-use:has-text('bold')")
    assert "The shop goes by “bold”: Mei, " in desk.tab.inner_text("#in-use")
    assert shop.stylist.as_chosen().plan.policy.per_slot == 3  # of this process; others read the same row
    other.tab.reload()
    other.tab.wait_for_selector("#shop-goes-by:not([hidden])")
    assert "店铺现用方案“bold”：Mei" in other.tab.inner_text("#shop-goes-by")
    with desk.tab.expect_response(lambda reply: reply.url.endswith("/undo")):
        desk.tab.click("#use-undo")
    desk.tab.wait_for_selector("#use-undo", state="detached")
    assert "by its settings again: Mei" in desk.tab.inner_text("#in-use")
    assert shop.stylist.as_chosen().plan.policy.per_slot == 6


def test_a_server_with_keys_asks_for_one_and_shows_nothing_before(visit, shop, tmp_path, cases):
    from assistant.api.keys import FILE, Keys

    keys = Keys(tmp_path / FILE)
    key, of_shop = keys.make("stylists", "desk"), keys.make("web shop")
    with serving(build_app(shop, keys=keys)) as at:
        assert not any(case.data["garment"]["title"] in httpx.get(f"{at}/desk").text for case in shop.desk.store.cases())
        desk = visit(at=at + "/")
        for given, why in (("outfit-wrong", "--role desk"), (of_shop, "opens nothing"), (key, "not the desk")):
            desk.tab.wait_for_selector(f"#ask[open] p:has-text('{why}')")
            assert desk.tab.locator("#list li").count() == 0
            desk.tab.fill("#ask [name=key]", given)
            desk.tab.keyboard.press("Enter")
        desk.ready()
        desk.only(what="look")
        desk.key("a")
        assert list(shop.desk.store.record())[-1][0].key_id == keys.check(key).id


def test_chinese_dark_and_narrow(visit, cases):
    desk = visit(locale="zh-CN", color_scheme="dark", width=390, who="")
    desk.ready()
    assert desk.tab.inner_text("h1") == "造型师工作台" and desk.tab.get_attribute("html", "lang") == "zh-CN"
    assert desk.tab.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(21, 20, 18)"
    assert desk.tab.evaluate("document.documentElement.scrollWidth") <= 390
    nameless = "all => all.filter(b => !b.textContent.trim() && !b.ariaLabel).length"
    assert desk.tab.locator("button:visible, select:visible").evaluate_all(nameless) == 0
    desk.tab.keyboard.press("a")  # who decides is asked first
    desk.tab.wait_for_selector("#ask[open] [name=who]")
    desk.tab.fill("#ask [name=who]", "小梅")
    with desk.tab.expect_response(lambda reply: "/decisions" in reply.url):
        desk.tab.keyboard.press("Enter")
    desk.tab.click("#language")
    assert desk.tab.inner_text("h1") == "Stylists’ desk"


@pytest.mark.skipif(not os.environ.get("OUTFIT_SCREENSHOTS"), reason="OUTFIT_SCREENSHOTS=1 takes the README's screenshots")
def test_screenshots(visit, address, shop):
    photo = images.to_data_url(images.read(resources.path("demo/photos/flatlay_women.jpg")))
    found = httpx.post(f"{address}v1/outfit/detect", json={"image": photo}, timeout=60).json()["data"]
    httpx.post(f"{address}v1/outfit/recommend", json={"image": photo, "box": found[0]["box"]}, timeout=60)
    shop.desk.intake.settle()
    desk = visit()
    desk.ready()
    desk.only(what="look")
    desk.tab.keyboard.press("ArrowRight")
    desk.tab.wait_for_timeout(2_500)  # pictures come to rest
    path = resources.path("screenshots") / "desk.webp"
    with Image.open(io.BytesIO(desk.tab.screenshot())) as shot:
        shot.convert("RGB").save(path, "WEBP", quality=86, method=6)
    assert path.stat().st_size <= 200 * 1024
