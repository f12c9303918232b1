"""W4 by dsbuilder: the W1 build again, after no change, one image more, one image changed."""

from job import again, build, out_dir

out = out_dir()


def redo(folder: str) -> int:
    """Returns how many images were made anew, at least in part."""
    return -(-build(folder, out).made // 3)


again(redo)
