"""Images without labels, in whatever folders they lie."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from dsbuilder.images.encoding import IMAGE_EXTENSIONS
from dsbuilder.layouts import sidecar
from dsbuilder.layouts.catalog import SourceCatalog
from dsbuilder.layouts.images.signs import signs_of
from dsbuilder.layouts.splits import in_splits
from dsbuilder.layouts.tree import check_extensions, scan
from dsbuilder.plugin import Catalog, DataError, Listing, Record, Signs, Source, source


@source("images")
@dataclass(frozen=True, kw_only=True)
class Images(Source):
    """Reads images and no labels: what a generative model learns from, or what is to be labeled.

        path/                      path/
          tom.png                    train/
          holidays/rex.png             tom.png
                                     test/
                                       rex.png

    Images may lie at any depth; folders say nothing but splits, and these only if every image lies
    below one that has a split's name (train, training; validation, val, valid, dev; test, testing,
    eval, evaluation; in any case of letters). Hidden files and folders are passed over; other files
    are skipped, counted, and reported. For images in class folders there is the source `folder`.

    The key of a record is its path below `path`. An export of dsbuilder has the keys that its
    sidecar states.

    Attributes:
      path: the folder at the top.
      extensions: extensions of image files, in any case of letters, without the dot.
      follow_links: whether a symbolic link to a folder is entered; otherwise it is skipped and
        reported. A link to a file is always read as the file.
    """

    path: Path
    extensions: tuple[str, ...] = IMAGE_EXTENSIONS
    follow_links: bool = False

    def __post_init__(self) -> None:
        check_extensions(self.extensions)

    @classmethod
    def signs(cls, folder: Path) -> Signs:
        """Looks for images with nothing beside them, nor in their places, that may label them."""
        return signs_of(folder)

    def open(self) -> Catalog:
        """Returns the catalog of the folder.

        Raises (when it is listed):
          DataError: the folder is missing or holds no image, a name is not valid UTF-8, or the
            sidecar is wrong.
        """
        return _ImagesCatalog(self)


class _ImagesCatalog(SourceCatalog[Images]):
    def scan(self) -> Listing:
        source = self._source
        tree = scan(source.path, follow_links=source.follow_links)
        images = tree.images(source.extensions)
        stated = sidecar.read(source.path)
        beside = [] if stated is None else [sidecar.NAME]
        notes = tree.notes(
            tree.skipped({*images, *beside}), follow="follow_links: true enters them"
        )
        if not images:
            found = "".join(f"; {note}" for note in notes)
            raise DataError(
                f"{source.path}: there are no images{found}. Images end in "
                f"{', '.join(source.extensions)}."
            )
        if stated is not None and stated.targets:
            notes.append(f"labels that {sidecar.NAME} tells of are not read")
        records = in_splits([Record(key=key, path=source.path / key) for key in images])
        return Listing(
            records=records if stated is None else stated.keyed(records), targets={}, notes=notes
        )

    def watches(self) -> Sequence[Path]:
        source = self._source
        tree = scan(source.path, follow_links=source.follow_links)
        stated = sidecar.place(source.path)
        return tree.below(source.path, [stated.name] if stated.is_file() else [])
