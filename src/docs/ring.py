#!/usr/bin/env python3
"""Draws src/docs/ring.svg, the picture on the page `ringway::docs::guarantees`.

    python3 src/docs/ring.py            writes ring.svg beside this script
    python3 src/docs/ring.py --check    fails if ring.svg is not what this script draws

The picture shows a ring of items with one producer: capacity 8, in its third lap. The numbers below are
the only input; stamps and states follow from them as they do in the library (stamp = position + 1).
"""
import pathlib
import sys

CAPACITY = 8
HEAD = 18  # the first position that the consumer has not released
TAIL = 21  # the first position that the producer has not published
CLAIMED = 2  # cells that the producer writes at this moment
SEAT = [("state", "taken"), ("epoch", "3"), ("process", "4711"), ("label", "feed")]

WIDTH, HEIGHT = 760, 404
LEFT, CELL, TOP, TALL = 36, 86, 122, 62
SANS = "font-family='DejaVu Sans,Verdana,Arial,sans-serif'"
MONO = "font-family='DejaVu Sans Mono,Menlo,Consolas,monospace'"
INK, SOFT, LINE, PAPER = "#1b1f24", "#57606a", "#57606a", "#ffffff"
BLUE, ORANGE, GREEN = "#0b5394", "#9a4b00", "#1a6b2f"
FILL = {
    "released": "#eceff2",
    "published": "#cfe2f7",
    "claimed": "url(#ringway-claimed)",
    "free": PAPER,
}


def state(position):
    if position < HEAD:
        return "released"
    if position < TAIL:
        return "published"
    return "claimed" if position < TAIL + CLAIMED else "free"


def stamp(position):
    """What the cell of `position` holds: its own stamp once it was published, else that of one lap before."""
    return position + 1 if position < TAIL else position + 1 - CAPACITY


def text(x, y, words, size=13, fill=INK, anchor="middle", font=SANS, weight="normal"):
    return (
        f"<text x='{x}' y='{y}' font-size='{size}' fill='{fill}' text-anchor='{anchor}' "
        f"font-weight='{weight}' {font}>{words}</text>"
    )


def bracket(first, cells, y, words, colour):
    """A bracket above `cells` cells, with its words above it."""
    left, right = LEFT + first * CELL + 4, LEFT + (first + cells) * CELL - 4
    path = f"M{left} {y + 7}V{y}H{right}V{y + 7}"
    return [
        f"<path d='{path}' fill='none' stroke='{colour}' stroke-width='1.5'/>",
        text((left + right) // 2, y - 7, words, 12, colour),
    ]


def arrow(x, words, explained, colour, anchor):
    """An arrow from below to the left edge of a cell."""
    y = TOP + TALL
    side = {"start": 9, "end": -9}[anchor]
    return [
        f"<path d='M{x} {y + 66}V{y + 27}' stroke='{colour}' stroke-width='2'/>",
        f"<path d='M{x} {y + 19}L{x - 6} {y + 31}H{x + 6}Z' fill='{colour}'/>",
        text(x + side, y + 46, words, 14, colour, anchor, MONO, "bold"),
        text(x + side, y + 64, explained, 12, INK, anchor),
    ]


def lock(x, y, colour):
    return [
        f"<path d='M{x + 5} {y + 10}V{y + 5}A6 6 0 0 1 {x + 17} {y + 5}V{y + 10}' fill='none' stroke='{colour}' "
        "stroke-width='2.5'/>",
        f"<rect x='{x}' y='{y + 10}' width='22' height='16' rx='3' fill='{colour}'/>",
        f"<rect x='{x + 10}' y='{y + 15}' width='2' height='6' fill='{PAPER}'/>",
    ]


def cells():
    lap = HEAD // CAPACITY
    first = lap * CAPACITY
    lines = []
    for index in range(CAPACITY):
        position, x = first + index, LEFT + index * CELL
        what, middle = state(position), x + CELL // 2
        faded = SOFT if what in ("released", "free") else INK
        lines += [
            f"<rect x='{x}' y='{TOP}' width='{CELL}' height='{TALL}' fill='{FILL[what]}' stroke='{LINE}'/>",
            f"<line x1='{x}' y1='{TOP + 28}' x2='{x + CELL}' y2='{TOP + 28}' stroke='{LINE}' stroke-width='0.6'/>",
            text(middle, TOP + 19, f"stamp {stamp(position)}", 13, faded, font=MONO),
            text(middle, TOP + 49, what, 13, faded),
            text(middle, TOP + TALL + 16, str(position), 12, SOFT, font=MONO),
        ]
    lines.append(text(LEFT, 30, f"Lap {lap}: positions {first} to {first + CAPACITY - 1} of a ring of {CAPACITY} cells", 15,
                      anchor="start", weight="bold"))
    lines.append(text(LEFT, 52, f"The stamp of position p is p + 1. A cell that still has its stamp of lap {lap - 1} is not published in lap {lap}.",
                      12.5, SOFT, "start"))
    lines += bracket(HEAD - first, TAIL - HEAD, TOP - 14, "the consumer may read", BLUE)
    lines += bracket(TAIL - first, CLAIMED, TOP - 14, "claimed, not published", ORANGE)
    lines += arrow(LEFT + (HEAD - first) * CELL, f"HEAD {HEAD}", "written by the consumer", BLUE, "end")
    lines += arrow(LEFT + (TAIL - first) * CELL, f"TAIL {TAIL}", "written by the producer", ORANGE, "start")
    return lines


def seat():
    y, x = 304, LEFT
    lines = [
        text(LEFT, y - 14, "The producer's seat, in the same file", 15, anchor="start", weight="bold"),
        f"<rect x='{x}' y='{y}' width='{CAPACITY * CELL}' height='40' fill='#e5f3e8' stroke='{GREEN}' stroke-width='1.5'/>",
    ]
    lines += lock(x + 12, y + 6, GREEN)
    x += 56
    for name, value in SEAT:
        lines.append(text(x, y + 25, f"{name} <tspan font-weight='bold'>{value}</tspan>", 13, anchor="start", font=MONO))
        x += 150
    lines.append(text(LEFT, y + 60, "The kernel locks these bytes for the process that holds the seat, and unlocks them when that process ends.",
                      12.5, SOFT, "start"))
    lines.append(text(LEFT, y + 79, "A seat that is marked as taken but not locked proves a death. A stopped process keeps its lock.",
                      12.5, SOFT, "start"))
    return lines


def draw():
    # No empty line: in Markdown, one would end the picture.
    lines = [
        f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {WIDTH} {HEIGHT}' width='100%' style='max-width:{WIDTH}px' role='img' "
        "aria-labelledby='ringway-picture'>",
        "<title id='ringway-picture'>A ring of eight cells with stamps, HEAD and TAIL, and the locked seat of its producer</title>",
        "<defs><pattern id='ringway-claimed' width='8' height='8' patternUnits='userSpaceOnUse' patternTransform='rotate(45)'>"
        "<rect width='8' height='8' fill='#fff4e5'/><rect width='3' height='8' fill='#ffdcb0'/></pattern></defs>",
        f"<rect width='{WIDTH}' height='{HEIGHT}' rx='8' fill='{PAPER}' stroke='#d0d7de'/>",
        *cells(),
        *seat(),
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


def main():
    path = pathlib.Path(__file__).with_name("ring.svg")
    if sys.argv[1:] == ["--check"]:
        if not path.exists() or path.read_text() != draw():
            sys.exit("src/docs/ring.svg is stale: run python3 src/docs/ring.py")
    elif sys.argv[1:]:
        sys.exit(__doc__)
    else:
        path.write_text(draw())


if __name__ == "__main__":
    main()
