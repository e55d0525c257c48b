"""Where the concrete parts meet: `build(settings)` gives the running assistant.

A shop's own catalogue is used where one has been ingested, else the demo catalogue, which is built at first start.
Whatever stands in for something better is named in `Assistant.notices`, in the log, and in every answer's trace.
"""

from __future__ import annotations

import logging
import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from assistant import models
from assistant.desk import Desk, open_desk
from assistant.guardrail import Policy
from assistant.settings import Settings
from assistant.shared import SharedVerdicts
from assistant.stylist import Plan, Stylist
from assistant.stylists import StylistModel
from assistant.stylists.compact import CompactStylist, Kind
from assistant.verdicts import VerdictCache
from retrieval import feeds, ranking, registry, resources
from retrieval.catalogue import Catalogue
from retrieval.colours import measure_palette
from retrieval.describe import Carried, NeighbourDescriber
from retrieval.errors import ModelUnavailable, OutfitError, SpaceMismatch, StoreEmpty, StoreError
from retrieval.finding import Finder
from retrieval.indexes.engines import NAMES, Engine
from retrieval.ingest import Progress, Summary, ingest
from retrieval.ingest import rebuild as rebuild_vectors
from retrieval.items import Gender
from retrieval.ports import Describer, ImageEncoder, ShotReader, Space, StoredIndex, TextEncoder
from retrieval.ranking import Ranking
from retrieval.search import Search
from retrieval.writer import only_writer

if TYPE_CHECKING:
    from PIL.Image import Image

    from assistant.stylists.client import ChatClient
    from retrieval.items import Item
    from retrieval.pipeline import Readers
    from retrieval.ray_ingest import RayReaders

_LOG = logging.getLogger(__name__)

Watcher = Callable[[Progress], None]

COLLECTIONS = ("titles", "pictures")


@dataclass(frozen=True, slots=True)
class Shelf:
    """One catalogue with its vectors and the encoders that write and read them."""

    folder: Path
    catalogue: Catalogue
    titles: StoredIndex
    pictures: StoredIndex
    text_encoder: TextEncoder
    image_encoder: ImageEncoder
    search_threshold: float
    notices: tuple[str, ...] = ()
    ranking: Ranking | None = None

    @property
    def search(self) -> Search:
        evidence = None
        if self.ranking is not None:
            from retrieval.encoders.compact import CompactEvidence

            evidence = CompactEvidence()
        parts = (self.catalogue, self.titles, self.pictures, self.text_encoder, self.image_encoder)
        return Search(*parts, self.ranking, evidence)

    def ingest(
        self,
        feed: feeds.Feed,
        images: str | Path,
        *,
        full: bool = True,
        may_shrink: bool = False,
        watch: Watcher | None = None,
        readers: Readers | None = None,
    ) -> Summary:
        """Bring a feed in, and leave the indexes ready to search; see `retrieval.ingest.ingest`."""
        summary = ingest(
            feed,
            images,
            catalogue=self.catalogue,
            image_encoder=self.image_encoder,
            text_encoder=self.text_encoder,
            image_index=self.pictures,
            text_index=self.titles,
            measure_palette=measure_palette,
            full=full,
            may_shrink=may_shrink,
            progress=watch,
            readers=readers,
        )
        self.prepare()
        return summary

    def prepare(self) -> None:
        """Do now what the next start would otherwise wait for."""
        self.titles.prepare()
        self.pictures.prepare()


@dataclass(frozen=True, slots=True)
class Assistant:
    """The running parts."""

    settings: Settings
    catalogue: Catalogue
    search: Search
    stylist: Stylist
    desk: Desk
    notices: tuple[str, ...] = ()
    is_demo: bool = False
    canary: Callable[[], None] | None = None  # asks the vision-language model; raises ModelError where it does not answer

    def watched(self) -> Assistant:
        """This assistant with its answers shown to the stylists' desk, until it is closed."""
        self.desk.intake.start()
        return replace(self, stylist=replace(self.stylist, witness=self.desk.intake.take))

    @property
    def finder(self) -> Finder:
        """From a photo to its product, by the same parts as the main path."""
        plan = self.stylist.plan
        return Finder(self.stylist.detector, self.search, plan.detection_threshold, plan.crop_scale)

    def close(self) -> None:
        self.desk.intake.stop()
        self.catalogue.close()


def build(settings: Settings, *, watch: Watcher | None = None) -> Assistant:
    """The assistant of these settings, over the shop's catalogue or the demo catalogue.

    `watch` sees the demo catalogue being built at first start. Raises OutfitError where something cannot be had and
    nothing may stand in for it.
    """
    is_demo = not has_own_catalogue(settings)
    shelf = demo_shelf(settings, watch=watch) if is_demo else open_shelf(settings)
    if not len(shelf.titles):
        if count := shelf.catalogue.count():
            raise StoreEmpty(
                f"the catalogue has {count:,} items, but the index {settings.index} holds none of their vectors",
                hint=f"outfit index move --from NAME, if another index holds them ({', '.join(NAMES)}); else outfit rebuild",
            )
        raise StoreEmpty(
            f"the catalogue in {shelf.folder} has no items to search",
            hint="outfit ingest FEED --images FOLDER, or remove that folder to use the demo catalogue",
        )
    detector = models.load(settings, "detector")
    describer, describer_notice = _describer(shelf.search)
    threshold = settings.search_threshold if settings.search_threshold is not None else shelf.search_threshold
    notices = tuple(filter(None, (*shelf.notices, detector.notice, describer_notice)))
    for notice in notices:
        _LOG.warning(notice)
    desk = open_desk(shelf.catalogue, settings.desk_photo_days, settings.desk_share)
    if (use := desk.in_use.now()) is not None and use.words:
        _LOG.info(use.words)
    embedded = CompactStylist(describer, _carried(shelf.catalogue), shot_reader())
    client = vlm_client(settings)
    model = embedded if client is None else _with_vlm(settings, client, shelf.catalogue, embedded)
    is_embedded = model is embedded
    stylist = Stylist(
        detector=detector.model,
        model=model,
        search=shelf.search,
        pictures=_no_pictures if is_embedded else _pictures(shelf.catalogue),
        cache=None if is_embedded else _verdicts(settings, shelf.catalogue),
        plan=Plan(
            detection_threshold=settings.detection_threshold,
            crop_scale=settings.crop_scale,
            per_title=settings.candidates_per_title,
            search_threshold=threshold,
            looks=settings.looks,
            policy=Policy(
                settings.admitted_per_slot,
                settings.guardrail_rounds,
                settings.guardrail_both_orders,
                settings.guardrail_least_p_yes,
            ),
            deadline_s=settings.turn_deadline_s,
            text_weight=settings.text_weight,
            colour_weight=settings.colour_weight,
            style_weight=settings.style_weight,
        ),
        notices=notices,
        carried=Carried(shelf.catalogue.counts("gender"), shelf.catalogue.counts("usage")),
        rulings=desk.store.rulings,
        chosen=desk.in_use.plan,
    )
    return Assistant(
        settings, shelf.catalogue, shelf.search, stylist, desk, notices, is_demo, _canary(client)
    )


def _verdicts(settings: Settings, catalogue: Catalogue) -> VerdictCache | SharedVerdicts:
    return SharedVerdicts(catalogue) if settings.shared_state else VerdictCache(settings.home / "verdicts.db")


def own_folder(settings: Settings) -> Path:
    return settings.home / "shop"


def catalogue_url(settings: Settings) -> str:
    return settings.catalogue_url or f"sqlite:///{(own_folder(settings) / 'catalogue.db').absolute()}"


def has_own_catalogue(settings: Settings) -> bool:
    return settings.catalogue_url is not None or (own_folder(settings) / "catalogue.db").is_file()


def rebuild(settings: Settings, *, watch: Watcher | None = None) -> Summary:
    """Throw the shop's vectors away and write them anew from its catalogue and photos, by the models in use."""
    if not has_own_catalogue(settings):
        raise StoreEmpty("there is no catalogue to rebuild", hint="outfit ingest FEED --images FOLDER")
    catalogue = Catalogue.open(catalogue_url(settings))
    with only_writer(catalogue, "rebuild"):
        engine(settings).drop(COLLECTIONS)
    catalogue.close()
    shelf = open_shelf(settings, check_space=False)
    summary = rebuild_vectors(
        catalogue=shelf.catalogue,
        image_encoder=shelf.image_encoder,
        text_encoder=shelf.text_encoder,
        image_index=shelf.pictures,
        text_index=shelf.titles,
        measure_palette=measure_palette,
        progress=watch,
    )
    shelf.prepare()
    return summary


def engine(settings: Settings) -> Engine:
    """What keeps the shop's vectors."""
    token = settings.index_token.get_secret_value() if settings.index_token else ""
    return Engine(settings.index, own_folder(settings), settings.index_url, token)


def open_shelf(
    settings: Settings,
    folder: Path | None = None,
    url: str | None = None,
    *,
    check_space: bool = True,
    index: Engine | None = None,
) -> Shelf:
    """The shop's shelf, made empty where there is none. Raises SpaceMismatch where other models wrote its vectors."""
    folder = folder or own_folder(settings)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(
            f"the folder {folder.absolute()} cannot be made: {error.strerror}",
            hint="set OUTFIT_HOME to a folder that can be written",
        ) from error
    url = url or catalogue_url(settings)
    images = models.load(settings, "image encoder")
    texts = models.load(settings, "text encoder")
    image_encoder, text_encoder = images.model, texts.model
    fitted, lack = ranking_for(image_encoder.space)
    notices = tuple(filter(None, (images.notice, texts.notice, lack)))
    catalogue = Catalogue.open(url, create=True)
    if check_space:
        catalogue.check_space("image", image_encoder.space)
        catalogue.check_space("text", text_encoder.space)
    index = index or engine(settings)
    return Shelf(
        folder,
        catalogue,
        index.open("titles", text_encoder.space),
        index.open("pictures", image_encoder.space),
        text_encoder,
        image_encoder,
        texts.search_threshold or 0.0,
        notices,
        fitted,
    )


def ranking_for(space: Space) -> tuple[Ranking | None, str]:
    """How picture search weighs and says what it finds, where that was fitted for this space; else why it was not."""
    fitted = ranking.load()
    if fitted is not None and fitted.fits(space):
        return fitted, ""
    why = "none was fitted" if fitted is None else f"it was fitted for {fitted.model} {fitted.revision}"
    return None, (
        f"picture search goes by likeness alone and cannot say how sure it is of a product: its ranking is missing for "
        f"{space.model} {space.revision} ({why}); {ranking.REFIT}"
    )


def ray_readers(settings: Settings, shelf: Shelf, address: str | None = None, workers: int | None = None) -> RayReaders:
    """Readers of an ingest that spread over a Ray cluster: at `address`, or one on this machine."""
    from retrieval.ray_ingest import RayReaders

    encoder = partial(_image_encoder, settings)
    return RayReaders(shelf.catalogue, encoder, measure_palette, address=address, workers=workers)


def _image_encoder(settings: Settings) -> ImageEncoder:
    """In a worker of a cluster: the encoder that this process would load."""
    return models.load(settings, "image encoder").model


def demo_shelf(settings: Settings, *, watch: Watcher | None = None) -> Shelf:
    """The demo catalogue's shelf, built at first start and again whenever its feed or the models have changed.

    Its vectors are in files whatever the index in use, since it is nobody's catalogue.
    """
    folder = settings.home / "demo"
    index = Engine("chroma", folder)
    url = f"sqlite:///{(folder / 'catalogue.db').absolute()}"
    try:
        shelf = open_shelf(settings, folder, url, index=index)
    except (SpaceMismatch, StoreError) as error:
        _LOG.warning("the demo catalogue is built anew: %s", error)
        index.drop(COLLECTIONS)
        shutil.rmtree(folder, ignore_errors=True)
        shelf = open_shelf(settings, folder, url, index=index)
    demo = resources.path("demo")
    feed = feeds.read_feed(demo / "styles.csv")
    if shelf.catalogue.count() == 0:
        shelf.ingest(feed, demo / "images", watch=watch)
    return shelf


def _describer(search: Search) -> tuple[Describer, str]:
    lack = registry.missing(registry.row("describer", "compact"))
    if not lack:
        return registry.load("describer", "compact").model, ""
    return NeighbourDescriber(search), f"no trained describer ({lack}): what looks alike in the catalogue says what it is"


def _carried(catalogue: Catalogue) -> list[Kind]:
    return [Kind(Gender(gender), category, colour, count) for gender, category, colour, count in catalogue.kinds()]


def vlm_client(settings: Settings) -> ChatClient | None:
    """The client of the vision-language server that the settings name, None where they name none."""
    if settings.vlm_url is None:
        return None
    from assistant.stylists.client import ChatClient  # the openai client takes most of a second to import

    return ChatClient(
        settings.vlm_url,
        settings.vlm_model,
        settings.vlm_api_key.get_secret_value() if settings.vlm_api_key else "",
        timeout_s=settings.vlm_timeout_s,
        concurrency=settings.vlm_concurrency,
    )


def _canary(client: ChatClient | None) -> Callable[[], None] | None:
    if client is None:
        return None
    from assistant.stylists import probe

    return lambda: probe.canary(client)


def _with_vlm(
    settings: Settings, client: ChatClient, catalogue: Catalogue, embedded: CompactStylist
) -> StylistModel:
    """The vision-language model with the embedded stylist behind it."""
    from assistant.stylists.fallback import FallbackStylist
    from assistant.stylists.vlm import Manner, VlmStylist

    manner = Manner(
        context=settings.vlm_context_tokens,
        photo_tiles=settings.vlm_photo_tiles,
        is_fast=settings.vlm_fast_verdicts,
    )
    return FallbackStylist(VlmStylist(client, catalogue.categories(), manner), embedded)


def shot_reader() -> ShotReader | None:
    """The compact model's heads for shots, None where the weights have none."""
    try:
        return registry.load("shot reader", "compact").model
    except ModelUnavailable:
        return None


def _no_pictures(_item: Item) -> None:
    """The embedded judge reads attributes and measured palettes; it needs no pixels."""


def _pictures(catalogue: Catalogue) -> Callable[[Item], Image | None]:
    def picture(item: Item) -> Image | None:
        try:
            return catalogue.picture(item.sku)
        except OutfitError as error:
            _LOG.warning("item %s is judged without its picture: %s", item.sku, error)
            return None

    return picture
