"""`python -m data.demo.draw`: rebuild the demo catalogue and its photos in place, the same every time."""

from __future__ import annotations

import argparse

from data.demo.draw.build import build


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m data.demo.draw", description=__doc__)
    parser.add_argument("ids", nargs="*", help="draw only these ids (default: everything)")
    parser.add_argument("--workers", type=int, default=2, help="processes (default 2)")
    parser.add_argument("--photos", choices=("also", "only", "no"), default="also",
        help="the demo photos (default also)")
    args = parser.parse_args()
    if args.photos != "only":
        count, size = build(set(args.ids) or None, args.workers)
        print(f"{count} pictures, {size / 1e6:.2f} MB")
    if args.photos != "no" and not args.ids:
        from data.demo.draw.photos import write_photos

        print(f"{write_photos()} photos")


if __name__ == "__main__":
    main()
