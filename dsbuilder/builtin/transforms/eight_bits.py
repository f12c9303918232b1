"""What transforms ask for whose operations are defined on bytes alone."""

from dsbuilder.plugin import Signature


def checked(signature: Signature) -> Signature:
    """Returns a signature as it is.

    Raises:
      ValueError: its images are not of bytes.
    """
    if signature.image.dtype != "uint8":
        raise ValueError(f"expected uint8 images, found {signature.image.dtype}. Move it forward.")
    return signature
