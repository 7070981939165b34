"""What is printed: rows of figures, ratios of rounds that ran side by side, and the marks."""

from __future__ import annotations

import statistics


def median(results: list[dict], name: str) -> float:
    return statistics.median(result[name] for result in results)


def ratio(ours: list[dict], theirs: list[dict], name: str = "rate") -> float:
    """Give the median of ratios taken round by round, as the machine's speed drifts."""
    return statistics.median(our[name] / their[name] for our, their in zip(ours, theirs, strict=False))


def mark(what: str, got: float, wanted: float, *, at_least: bool = True) -> None:
    held = got >= wanted if at_least else got <= wanted
    print(
        f"{'held  ' if held else 'MISSED'}  {what}: {got:.2f} (mark: {'≥' if at_least else '≤'} {wanted})", flush=True
    )


def row(name: str, results: list[dict], ours: list[dict]) -> None:
    print(
        f"{name:22}{median(results, 'rate'):10.0f}{median(results, 'p50'):9.2f}{median(results, 'p99'):9.2f}"
        f"{median(results, 'cpu'):10.1f}{median(results, 'busy'):8.2f}{ratio(ours, results):12.2f}"
        f"{1 / ratio(ours, results, 'cpu'):12.2f}",
        flush=True,
    )


HEADINGS = (
    f"{'':22}{'req/s':>10}{'p50 ms':>9}{'p99 ms':>9}{'CPU µs':>10}{'load':>8}{'local Trakt':>12}{'the same,':>12}\n"
    f"{'':58}{'busy':>8}{'÷ this':>12}{'by CPU':>12}"
)


def grown(results: dict[int, list[dict]], at_most: float | None = None) -> None:
    """Print what a refresh costs with few and with many tokens stored, and whether that grows by too much."""
    (least, first), *_, (most, last) = results.items()
    print(f"\nTokens drawn at random from all that are stored, {len(first)} rounds")
    for size, result in results.items():
        print(
            f"{size:10} tokens {median(result, 'rate'):9.0f} req/s {median(result, 'cpu'):8.1f} µs CPU  "
            f"cost ÷ least {ratio(first, result):5.2f}  by CPU {ratio(result, first, 'cpu'):5.2f}"
        )
    if at_most is not None:
        mark(f"cost of a refresh, {most} ÷ {least} tokens", ratio(first, last), at_most, at_least=False)
