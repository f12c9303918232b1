"""Croissant metadata (docs.mlcommons.org/croissant): `croissant.json`, what catalogs index.

Its record set is read from `samples.jsonl`; the shards, of which no reader of Croissant knows the
formats, are described as files with their sums. In an export the images are files that readers do
know: there the record set has their pixels, too, joined by the name of the file.

Nothing of it tells when or where it was written: equal datasets have equal metadata.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from dsbuilder.dataset.sample_rows import FILE, KEY, SPLIT, LabelColumn
from dsbuilder.names import SAMPLES

_RECORDS, _IMAGES = "samples", "images"
_FORMS = {"text": "sc:Text", "texts": "sc:Text", "number": "sc:Float", "numbers": "sc:Float"}
_ENCODINGS = {"jpg": "image/jpeg", "jpeg": "image/jpeg", "png": "image/png"}
_CR = (
    *("citeAs", "column", "equivalentProperty", "extract", "field", "fileObject", "fileProperty"),
    *("fileSet", "format", "includes", "isLiveDataset", "jsonPath", "key", "md5", "parentField"),
    *("path", "recordSet", "references", "regex", "repeated", "replace", "samplingRate"),
    *("separator", "source", "subField", "transform"),
)
_CONTEXT: Mapping[str, Any] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "conformsTo": "dct:conformsTo",
    "cr": "http://mlcommons.org/croissant/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "sc": "https://schema.org/",
    **{word: f"cr:{word}" for word in _CR},
}


@dataclass(frozen=True, kw_only=True)
class DescribedFile:
    """A file of the dataset.

    Attributes:
      name: its path below the folder.
      sha256: its checksum.
      size_bytes: its size.
      encoding: its media type.
    """

    name: str
    sha256: str
    size_bytes: int
    encoding: str = "application/octet-stream"


@dataclass(frozen=True, kw_only=True)
class ImageFiles:
    """Where an export has its images, one a sample, named in the column `file`.

    Attributes:
      extensions: extensions of their names.
      folders: folders below which they lie; of archives none.
      archives: names of the tar files that hold them; of folders none.
    """

    extensions: Sequence[str]
    folders: Sequence[str] = ()
    archives: Sequence[str] = field(default_factory=tuple)

    @property
    def includes(self) -> list[str]:
        """Patterns of their paths, for readers that take `*` for a slash, and for others."""
        if self.archives:
            return [f"*.{extension}" for extension in self.extensions]
        pairs = [(folder, ending) for folder in self.folders for ending in self.extensions]
        return [f"{folder}/{deep}*.{ending}" for folder, ending in pairs for deep in ("", "**/")]


def metadata(
    *,
    name: str,
    version: str,
    description: str,
    samples: DescribedFile,
    files: Sequence[DescribedFile],
    columns: Sequence[LabelColumn],
    images: ImageFiles | None = None,
) -> dict[str, Any]:
    """Returns the metadata of a folder as JSON values.

    Args:
      samples: the file of lines; see `sample_rows.py`.
      files: all others that are described.
      columns: columns of labels in the lines.
      images: images that the record set holds; None for none.
    """
    told = "samples.jsonl: key, split and labels of every sample"
    distribution = [_file(samples, told), *(_file(each, each.name) for each in files)]
    fields = [_column(KEY, "sc:Text", "key of the sample, unique")]
    fields.append(_column(SPLIT, "sc:Text", "split of the sample: train, validation or test"))
    if images is not None:
        distribution.append(_file_set(images))
        fields.extend(_image_fields())
    for each in columns:
        repeated = {"repeated": True} if each.form in ("texts", "numbers") else {}
        fields.append(_column(each.name, _FORMS[each.form], each.what, **repeated))
    records = {
        "@type": "cr:RecordSet",
        "@id": _RECORDS,
        "name": _RECORDS,
        "description": "a record for each sample",
        "key": {"@id": f"{_RECORDS}/{KEY}"},
        "field": fields,
    }
    return {
        "@context": dict(_CONTEXT),
        "@type": "sc:Dataset",
        "name": name,
        "description": description,
        "conformsTo": "http://mlcommons.org/croissant/1.0",
        "version": version,
        "distribution": distribution,
        "recordSet": [records],
    }


def _file(described: DescribedFile, text: str) -> dict[str, Any]:
    return {
        "@type": "cr:FileObject",
        "@id": described.name,
        "name": described.name,
        "description": text,
        "contentUrl": described.name,
        "contentSize": f"{described.size_bytes} B",
        "encodingFormat": described.encoding,
        "sha256": described.sha256,
    }


def _file_set(images: ImageFiles) -> dict[str, Any]:
    encodings = list(dict.fromkeys(_ENCODINGS[each] for each in images.extensions))
    held = [{"@id": each} for each in images.archives]
    return {
        "@type": "cr:FileSet",
        "@id": _IMAGES,
        "name": _IMAGES,
        "description": "an image file for each sample",
        **({"containedIn": held} if held else {}),
        "encodingFormat": encodings[0],
        "includes": images.includes,
    }


def _column(name: str, form: str, text: str, **more: Any) -> dict[str, Any]:
    source = {"fileObject": {"@id": SAMPLES}, "extract": {"column": name}}
    return _field(name, form, text, source, **more)


def _image_fields() -> Iterator[dict[str, Any]]:
    """Yields the fields of the image files; their names join them with the lines."""
    lines = {"fileObject": {"@id": SAMPLES}, "extract": {"column": FILE}}
    path = {
        "fileSet": {"@id": _IMAGES},
        "extract": {"fileProperty": "fullpath"},
        # mlcroissant joins by equality, and holds paths as objects until something transforms them.
        "transform": {"regex": "^(.+)$"},
    }
    yield _field(FILE, "sc:Text", "path of the image file", path, references=lines)
    content = {"fileSet": {"@id": _IMAGES}, "extract": {"fileProperty": "content"}}
    yield _field("image", "sc:ImageObject", "the image", content)


def _field(
    name: str, form: str, text: str, source: Mapping[str, Any], **more: Any
) -> dict[str, Any]:
    return {
        "@type": "cr:Field",
        "@id": f"{_RECORDS}/{name}",
        "name": name,
        "description": text,
        "dataType": form,
        **more,
        "source": dict(source),
    }
