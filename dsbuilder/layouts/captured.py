"""When the picture of a record was taken, from the front of its file where that is enough."""

from dsbuilder.errors import DataError
from dsbuilder.images import capture
from dsbuilder.images.capture import Capture
from dsbuilder.plugin import Catalog, Record
from dsbuilder.plugin.sources import defines


def captured(catalog: Catalog, record: Record) -> Capture | None:
    """Returns what took a record's picture and when; None where its file does not say."""
    try:
        data = _front(catalog, record)
        return capture.read(data) if isinstance(data, bytes) else None
    except (DataError, OSError):
        return None  # it is told of where it is decoded


def _front(catalog: Catalog, record: Record) -> object:
    """Returns an encoded image, of a JPEG file its front; or pixels, which say nothing."""
    if record.path is not None and not defines(catalog, "read"):
        with record.path.open("rb") as file:
            front = file.read(capture.HEAD)
            return front if capture.is_jpeg(front) else front + file.read()
    return catalog.read(record)
