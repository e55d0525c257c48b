"""The exception tree: everything this project raises on purpose.

    OutfitError
    ├── InvalidInput            what a person or a client gave cannot be used (HTTP 4xx)
    │   ├── UnsupportedImage    not a picture that we decode
    │   ├── ImageTooLarge       over a limit of bytes or pixels
    │   ├── InvalidBox          a rectangle outside the picture or of no area
    │   ├── FeedError           a product feed that cannot be read
    │   └── InvalidSetting      a setting with a value that cannot be used
    ├── StoreError              catalogue, index or disk cannot be read or written
    │   ├── StoreLocked         another process writes at this moment
    │   ├── StoreEmpty          there is nothing to search yet
    │   ├── StoreFull           no space left
    │   ├── StoreUnreachable    a server does not answer: what was asked of it may be there all the same
    │   └── SpaceMismatch       vectors of another model
    └── ModelError              a model cannot do its work
        ├── ModelNotFound       no model of that name
        ├── ModelUnavailable    weights, package or server missing or not answering
        └── InvalidReply        the model answered, but with nothing that can be used

Every error says what happened (`str(error)`) and, where there is one, the next thing to do (`error.hint`).
"""


class OutfitError(Exception):
    """Base of all errors raised on purpose.

    `message` names the thing, the value and what was expected; `hint` is the next command or step, or "".
    `code` is the stable machine-readable name that the API sends.
    """

    code = "error"

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


class InvalidInput(OutfitError):
    code = "invalid_input"


class UnsupportedImage(InvalidInput):
    code = "unsupported_image"


class ImageTooLarge(InvalidInput):
    code = "image_too_large"


class InvalidBox(InvalidInput):
    code = "invalid_box"


class FeedError(InvalidInput):
    code = "invalid_feed"


class InvalidSetting(InvalidInput):
    code = "invalid_setting"


class StoreError(OutfitError):
    code = "store_error"


class StoreLocked(StoreError):
    code = "store_locked"


class StoreEmpty(StoreError):
    code = "store_empty"


class StoreFull(StoreError):
    code = "store_full"


class StoreUnreachable(StoreError):
    code = "store_unreachable"


class SpaceMismatch(StoreError):
    code = "space_mismatch"


class ModelError(OutfitError):
    code = "model_error"


class ModelNotFound(ModelError):
    code = "model_not_found"


class ModelUnavailable(ModelError):
    code = "model_unavailable"


class InvalidReply(ModelError):
    code = "invalid_reply"
