"""`python app.py`: the chat page for shoppers and the API, on one port. Settings: the README's table, or `outfit doctor`."""

from __future__ import annotations

import os
import sys


def main() -> None:
    os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")  # read when gradio is imported
    os.environ.setdefault("GRADIO_ANALYTICS_CACHE_FREQUENCY", "1000000")  # statistics after every turn, which nobody reads
    from assistant.serve import serve
    from assistant.settings import Settings
    from retrieval.errors import OutfitError

    try:
        serve(Settings.load())
    except OutfitError as error:
        sys.exit(f"{error}\n{error.hint}".strip())
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
