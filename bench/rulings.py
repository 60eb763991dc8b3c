"""How many of the rulings of made pages are found, in their PDFs and in scans of them, how exactly, and in what time.

    python bench/rulings.py [--seeds N] [--json] [--kinds KIND ...]

Pages are made by script (``samples/ruled.py``): tables with and without lines, forms with boxes and check boxes, dashed, light, thick,
coloured and double lines. Each is read as a PDF, and as scans at 200 dpi that are skewed by up to 5 degrees, unevenly lit, blurred, noisy
and compressed as JPEG, most of them.

``recall`` is the share of the drawn lines' length within reach of a ruling that was found, ``precision`` the share of the found rulings'
length within reach of a drawn line: 1.5 pixels across it in a PDF, and 3 in a scan (with the skew that the reader measures, to 0.1
degrees). ``pieces`` is rulings found over lines drawn: above 1 where lines come in parts or twice. ``checks`` is the share of check boxes
found with the right state, ``false_checks`` how many were found elsewhere. ``*_ms`` is processor time a page; a scan's has all that reading
adds for rulings and check boxes, but not the first import of OpenCV.

The bench ends with an error unless it has read every page that it made, and drawn and found lines in each way.
"""

from __future__ import annotations

import argparse

import proof

from samples import ruled
from samples.drawing import Scanner
from tests.ruled import How, Tally, measure_pdf, measure_scan

# Degrees, what goes wrong on the glass, and the JPEG quality (None: not compressed).
SCANS: tuple[How, ...] = (
    (0.0, Scanner(noise=0, shade=0, blur=0), None), (0.0, Scanner(noise=6, shade=20, blur=0.6), 70), (0.2, Scanner(noise=10), None),
    (-1.0, Scanner(noise=4, blur=0.8), 60), (2.0, Scanner(noise=8, shade=40), 75), (-3.0, Scanner(noise=6), 60),
    (5.0, Scanner(noise=10), 70), (-5.0, Scanner(noise=6, shade=30, blur=0.8), 50),
)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--seeds", type=int, default=2, help="pages of each kind (default: 2)")
    parser.add_argument("--kinds", nargs="+", choices=list(ruled.KINDS), default=list(ruled.KINDS), help="kinds of pages (default: all)")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args()
    figures: dict[str, float] = {}
    pdf, scans = Tally(), Tally()
    for kind in options.kinds:
        of_kind = Tally()
        for seed in range(options.seeds):
            page = ruled.make(kind, seed)
            data = page.sheet.to_bytes()
            measure_pdf(page, data, pdf)
            for skew, scanner, quality in SCANS:
                measure_scan(page, data, (skew, scanner, quality), scans, of_kind)
        figures |= {f"{kind}_{name}": of_kind.figures("scan")[f"scan_{name}"] for name in ("recall", "precision")}
    made = options.seeds * len(options.kinds)
    proof.same("PDFs", made=made, read=pdf.pages)
    proof.same("scans", made=made * len(SCANS), read=scans.pages)
    proof.some("lines", drawn=pdf.lines, found_in_pdfs=pdf.pieces, found_in_scans=scans.pieces)
    proof.show(pdf.figures("pdf") | scans.figures("scan") | figures, options.json)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
