"""What a rule of `split.group` goes by beyond keys: when pictures were taken, and what they show.

That is read from the images whenever a split is dealt, by `check` and `plan` as by a build. So it
is kept in the user's cache, by content of the files: below `groups/`, a folder for each source.
Only images that are new or changed are opened again, whatever command comes next; where nothing can
be kept, all are opened each time, and a warning says so.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from dsbuilder.cache import fingerprint
from dsbuilder.cache.index import UNREADABLE, hash_records
from dsbuilder.cache.store import Store
from dsbuilder.errors import CacheError, DataError
from dsbuilder.inspection.measure_cache import UNKNOWN, Columns, MeasureCache
from dsbuilder.inspection.measuring import measurer
from dsbuilder.layouts.captured import captured
from dsbuilder.paths import user_cache
from dsbuilder.pipelinefile import Spec
from dsbuilder.pipelinefile.splitting import GroupRule
from dsbuilder.plugin import Catalog
from dsbuilder.plugin.sources import defines
from dsbuilder.sample import Record
from dsbuilder.workers import cores

_FORMAT = 1
_TIMES, _SCENES = "times", "scenes"

Measure = Callable[[Record], Any]


def read_evidence(
    spec: Spec, catalog: Catalog, records: Sequence[Record], *, rehash: bool = False
) -> tuple[dict[str, Any], list[str]]:
    """Returns what the pipeline's rule goes by, of the records of which it is known, and warnings.

    That is a `Capture` by key for a rule by times, what `scenes.describe` returns for likeness, and
    nothing for any other.

    Args:
      rehash: reads every file again, whatever the stat index says.

    Raises:
      DataError: the features that likeness needs are not installed.
    """
    rule = spec.settings.split.rule
    name = _named(rule)
    if name is None:
        return {}, []
    measure = _measure(spec, catalog, name)
    threads = 1 if defines(catalog, "read") else cores()  # whose files may be one that all share
    try:
        store = Store(user_cache() / "groups" / fingerprint.digest(repr(spec.settings.source)))
        with store.locked():
            found = _kept(spec, catalog, records, store, name, measure, threads, rehash=rehash)
        warnings = []
    except (CacheError, OSError) as error:
        found = _measured(records, measure, threads)
        warnings = [f"split.group: what images tell is read anew each time: {error}"]
    pairs = zip(records, found, strict=True)
    return {record.key: value for record, value in pairs if value is not None}, warnings


def _named(rule: GroupRule | None) -> str | None:
    if rule is None or (rule.time_s is None and rule.likeness is None):
        return None
    return _TIMES if rule.likeness is None else _SCENES


def _measure(spec: Spec, catalog: Catalog, name: str) -> Measure:
    if name == _TIMES:
        return lambda record: captured(catalog, record)
    from dsbuilder.builtin.inspectors import scenes  # most builds need none of it

    try:
        scenes.check_installed()
    except DataError as error:
        raise DataError(f"split.group: likeness: {error}") from None
    looking = measurer(spec, {}, {})
    return lambda record: scenes.describe(looking.view(record))


def _measured(records: Sequence[Record], measure: Measure, threads: int) -> list[Any]:
    with ThreadPoolExecutor(threads) as pool:  # which compute in numpy, without the lock
        return list(pool.map(measure, records))


def _kept(
    spec: Spec,
    catalog: Catalog,
    records: Sequence[Record],
    store: Store,
    name: str,
    measure: Measure,
    threads: int,
    *,
    rehash: bool,
) -> list[Any]:
    """Returns what `_measured` does, of what is known already from the cache."""
    from dsbuilder.builtin.inspectors import scenes

    hashes = hash_records(catalog, records, store.index, rehash=rehash)
    reading = fingerprint.of_reading(spec.settings.source, spec.registry)
    image = spec.settings.image
    base = [_FORMAT, dict(fingerprint.packages()), reading]
    decoding = [image.mode, list(image.background_rgb)]
    known = MeasureCache(
        path=store.measures,
        records=[None if each == UNREADABLE else each for each in hashes.values()],
        inspectors={
            _TIMES: fingerprint.digest(base),
            _SCENES: fingerprint.digest(base, decoding, scenes.PACKAGE),
        },
    )
    columns: Columns = {each: [UNKNOWN] * len(records) for each in (_TIMES, _SCENES)}
    known.load(columns)
    column = columns[name]
    places = [place for place, value in enumerate(column) if value is UNKNOWN]
    found = _measured([records[place] for place in places], measure, threads)
    for place, value in zip(places, found, strict=True):
        column[place] = value
    if places:
        known.save(columns)
    return column
