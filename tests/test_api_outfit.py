"""The assistant's own resources on loopback, over a small real catalogue."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace

import httpx
import pytest
from PIL import Image

from assistant.api.app import create_api
from assistant.compose import Assistant
from retrieval import images
from retrieval.vocabulary import categories
from tests.api_server import Waits, garment, photo_url, serving, small_shop


@pytest.fixture(scope="module")
def shop(tmp_path_factory) -> Iterator[Assistant]:
    assistant = small_shop(tmp_path_factory.mktemp("shop"))
    yield assistant
    assistant.close()


@pytest.fixture(scope="module")
def server(shop) -> Iterator[httpx.Client]:
    with serving(create_api(shop)) as address, httpx.Client(base_url=f"{address}/v1/outfit", timeout=60) as client:
        yield client


def post(server: httpx.Client, path: str, **body: object) -> dict:
    reply = server.post(path, json=body)
    assert reply.status_code == 200, reply.text
    return reply.json()


def test_search_by_words_under_conditions(server):
    found = post(server, "/search", text="black jeans", k=3)["data"]
    assert found[0]["item"]["sku"] == "2" and len(found) == 3
    assert [hit["score"] for hit in found] == sorted((hit["score"] for hit in found), reverse=True)
    dear = post(server, "/search", text="white shoes", max_price=60, slot="shoes", in_stock=True, gender="Men")["data"]
    assert dear == []  # shoes begin at 70
    shoes = post(server, "/search", text="white shoes", max_price=80, slot="shoes")["data"]
    assert {hit["item"]["sku"] for hit in shoes} == {"7", "8"}


def test_search_by_picture_finds_the_product_itself(server):
    (hit,) = post(server, "/search", image=photo_url((110, 70, 40)), k=1)["data"]
    assert hit["item"]["sku"] == "8" and hit["view"] == "main" and hit["score"] > 0.99


def test_search_by_picture_and_words_changes_what_the_words_speak_of(server):
    jeans = photo_url((40, 60, 130))  # blue
    alone = post(server, "/search", image=jeans, k=2)
    both = post(server, "/search", image=jeans, text="jeans, but in black", k=2)
    assert alone["data"][0]["item"]["sku"] == "1" and both["data"][0]["item"]["sku"] == "2"
    assert both["data"][0]["p_same"] is None and not both["needs_choice"] and both["notice"] == ""


def test_a_box_is_searched_as_it_was_drawn(server):
    sheet = Image.new("RGB", (200, 128), "white")
    sheet.paste(garment((110, 70, 40)), (100, 0))
    (hit,) = post(server, "/search", image=images.to_data_url(sheet), box=[100, 0, 196, 128], k=1)["data"]
    assert hit["item"]["sku"] == "8"


def test_boxes_are_in_pixels_of_the_picture_that_was_sent(server):
    large = images.to_data_url(garment((40, 60, 130)).resize((2400, 3200), Image.Resampling.NEAREST))
    found = post(server, "/detect", image=large)
    assert (found["width"], found["height"]) == (2400, 3200)
    assert [one["box"] for one in found["data"]] == [[0, 0, 2400, 3200]]
    chosen = post(server, "/recommend", image=large, box=[200, 200, 2200, 3000])["chosen"]
    assert chosen["box"] == [200, 200, 2200, 3000]


def test_a_garment_is_described_without_looks(server):
    known = post(server, "/describe", image=photo_url((40, 60, 130)))
    assert known["garment"]["attributes"]["category"] in categories() and known["garment"]["palette"]
    assert known["same_product"][0]["item"]["sku"] == "1"


def test_looks_around_an_item_and_under_a_wish(server):
    around = post(server, "/recommend", sku="1", message="under 90 each, no bag")
    pieces = [piece for look in around["looks"] for piece in look["pieces"]]
    assert around["garment"]["sku"] == "1" and pieces
    assert all(float(piece["item"]["price"]) <= 90 and piece["slot"] != "bag" for piece in pieces)
    assert all(piece["verdict"]["answer"] == "yes" and piece["verdict"]["reason"] for piece in pieces)


def test_a_pair_is_judged_as_the_stylist_judges_it(server, shop):
    verdict = post(server, "/judge", reference="1", candidate="7", lang="zh")
    mine = shop.stylist.model.judge(*(shop.catalogue.item(sku).as_garment() for sku in ("1", "7")), "zh")
    assert (verdict["answer"], verdict["reason"]) == (mine.answer, mine.reason)


def test_an_item_is_what_the_catalogue_says(server):
    item = server.get("/items/7").json()
    assert (item["title"], item["price"], item["currency"]) == ("Men White Casual Shoes", "70.00", "EUR")
    assert item["stock"] == 5
    assert item["slot"] == "shoes" and item["views"] == ["main"]


def test_an_items_photo_is_sent_once_and_then_known_by_its_tag(server, shop):
    first = server.get("/items/7/picture")
    assert first.content == shop.catalogue.picture_bytes("7") and first.headers["content-type"] == "image/png"
    assert first.headers["cache-control"] == "public, max-age=300"
    again = server.get("/items/7/picture", headers={"if-none-match": first.headers["etag"]})
    assert again.status_code == 304 and again.content == b"" and again.headers["etag"] == first.headers["etag"]
    assert server.get("/items/8/picture").headers["etag"] != first.headers["etag"]
    assert server.get("/items/7/picture?view=main").content == first.content


@pytest.mark.parametrize(
    ("asked", "start", "stop"),
    [("bytes=0-9", 0, 10), ("bytes=10-", 10, None), ("bytes=-7", -7, None), ("bytes=0-999999999", 0, None), ("bytes=5-5", 5, 6)],
)
def test_a_part_of_a_photo_may_be_asked_for(server, asked, start, stop):
    whole = server.get("/items/7/picture")
    assert whole.headers["accept-ranges"] == "bytes"
    part = server.get("/items/7/picture", headers={"range": asked, "if-range": whole.headers["etag"]})
    assert part.status_code == 206 and part.content == whole.content[start:stop]
    first = range(len(whole.content))[start]
    assert part.headers["content-range"] == f"bytes {first}-{first + len(part.content) - 1}/{len(whole.content)}"


def test_ranges_that_cannot_be_given(server):
    size = len(server.get("/items/7/picture").content)
    beyond = server.get("/items/7/picture", headers={"range": f"bytes={size}-"})
    assert beyond.status_code == 416 and beyond.headers["content-range"] == f"bytes */{size}"
    assert beyond.json()["error"]["code"] == "range_not_satisfiable"
    for asked in ("bytes=9-2", "items=0-1", "bytes=a-b", "bytes=-", "bytes=0-1,5-6"):
        assert server.get("/items/7/picture", headers={"range": asked}).status_code == 200
    changed = server.get("/items/7/picture", headers={"range": "bytes=0-1", "if-range": '"of another day"'})
    assert changed.status_code == 200 and len(changed.content) == size


def test_searches_that_come_together_are_answered_as_if_alone(server):
    texts = ["black jeans", "white shoes", "grey backpack", "navy t-shirt", "silver watch", "brown shoes"] * 4
    bodies = [{"text": text, "k": 1 + number % 5, "in_stock": number % 2 == 0} for number, text in enumerate(texts)]
    alone = [post(server, "/search", **body) for body in bodies]

    async def together() -> list[dict]:
        async with httpx.AsyncClient(base_url=server.base_url, timeout=60) as client:
            replies = await asyncio.gather(*(client.post("search", json=body) for body in bodies))
        return [reply.json() for reply in replies]

    assert asyncio.run(together()) == alone


def test_more_searches_than_can_be_answered_are_refused_and_then_taken_again(shop):
    import threading

    going, entered = threading.Event(), threading.Event()

    class Slow:
        def __getattr__(self, name: str) -> object:
            return getattr(shop.search.text_encoder, name)

        def encode_queries(self, texts: list[str]) -> object:
            entered.set()
            going.wait(30)
            return shop.search.text_encoder.encode_queries(texts)

    few = shop.settings.model_copy(update={"api_searches": 2})
    slow = replace(shop, search=replace(shop.search, text_encoder=Slow()), settings=few)

    async def crowd(address: str) -> tuple[list[int], httpx.Response]:
        async with httpx.AsyncClient(base_url=f"{address}/v1/outfit", timeout=60) as client:
            asked = [asyncio.create_task(client.post("/search", json={"text": "black jeans"})) for _ in range(2)]
            await asyncio.to_thread(entered.wait, 10)
            for _ in range(100):
                refused = await client.post("/search", json={"text": "black jeans"})
                if refused.status_code == 429:
                    break
                await asyncio.sleep(0.02)
            going.set()
            return [(await one).status_code for one in asked], refused

    with serving(create_api(slow)) as address:
        answered, refused = asyncio.run(crowd(address))
        assert answered == [200, 200]
        assert refused.status_code == 429 and refused.headers["retry-after"] == "1"
        assert httpx.post(f"{address}/v1/outfit/search", json={"text": "black jeans"}).status_code == 200


@pytest.mark.parametrize(
    "path", ["/items/99", "/items/99/picture", "/items/7/picture?view=back", "/items/..%2f..%2fetc"]
)
def test_what_the_shop_does_not_have_is_a_404(server, path):
    reply = server.get(path)
    assert reply.status_code == 404 and reply.json()["error"]["message"]


@pytest.mark.parametrize(
    ("path", "body", "param"),
    [
        ("/search", {}, "text"),
        ("/search", {"text": "a", "image": "data:"}, "image"),
        ("/search", {"text": "a", "box": [1, 2, 3, 4]}, "box"),
        ("/search", {"image": photo_url(), "box": [500, 500, 600, 600]}, "box"),
        ("/search", {"image": photo_url(), "box": [5, 5, 5, 20]}, "box"),
        ("/search", {"text": "a", "k": 1000}, "k"),
        ("/search", {"text": "a", "slot": "hat"}, "slot"),
        ("/search", {"image": "http://127.0.0.1:9/a.png"}, "image"),
        ("/detect", {}, "image"),
        ("/detect", {"image": "data:image/png;base64,AAAA"}, "image"),
        ("/describe", {"image": photo_url(), "box": [500, 500, 600, 600]}, "box"),
        ("/describe", {"image": photo_url(), "box": [1, 2, 3]}, "box"),
        ("/recommend", {}, "image"),
        ("/recommend", {"sku": "1", "image": photo_url()}, "image"),
        ("/recommend", {"sku": "1", "lang": "fr"}, "lang"),
        ("/judge", {"reference": "1"}, "candidate"),
    ],
)
def test_what_cannot_be_used_is_refused_by_its_field(server, path, body, param):
    reply = server.post(path, json=body)
    assert reply.status_code == 400 and reply.json()["error"]["param"] == param, reply.text
    assert server.get("/items/7").status_code == 200


@pytest.mark.parametrize("body", [{"reference": "1", "candidate": "99"}, {"reference": "99", "candidate": "1"}])
def test_a_pair_that_the_shop_does_not_have_cannot_be_judged(server, body):
    reply = server.post("/judge", json=body)
    assert reply.status_code == 404 and reply.json()["error"]["code"] == "item_not_found"


def test_a_client_that_leaves_ends_the_work_behind_it(shop):
    waits = Waits()

    async def leave(address: str) -> None:
        async with httpx.AsyncClient(base_url=address) as client:
            going = asyncio.create_task(client.post("/v1/outfit/recommend", json={"image": photo_url()}, timeout=30))
            assert await asyncio.to_thread(waits.begun.wait, 10)
            going.cancel()
            with pytest.raises(asyncio.CancelledError):
                await going

    with serving(create_api(replace(shop, stylist=replace(shop.stylist, detector=waits)))) as address:
        asyncio.run(leave(address))
        assert waits.cancelled.wait(9)
        assert httpx.get(f"{address}/v1/outfit/items/7").status_code == 200


class Breaks:
    def __getattr__(self, name: str) -> object:
        raise ZeroDivisionError("secret")


def test_a_mistake_of_ours_is_a_500_that_tells_nothing(shop):
    stylist = replace(shop.stylist, model=Breaks())
    with serving(create_api(replace(shop, stylist=stylist))) as address:
        reply = httpx.post(f"{address}/v1/outfit/judge", json={"reference": "1", "candidate": "7"})
        assert reply.status_code == 500 and reply.json()["error"]["code"] == "internal_error"
        assert reply.headers["x-request-id"] and "secret" not in reply.text and "Zero" not in reply.text
        assert httpx.get(f"{address}/v1/outfit/items/7").status_code == 200


def test_every_operation_is_documented_with_an_example(server):
    document = httpx.get(str(server.base_url).replace("/outfit/", "/openapi.json")).json()
    schemas = document["components"]["schemas"]
    for path, operations in document["paths"].items():
        for operation in operations.values():
            assert operation["summary"] and "422" not in operation["responses"], path
            if content := operation.get("requestBody", {}).get("content"):
                assert schemas[content["application/json"]["schema"]["$ref"].split("/")[-1]]["examples"], path
