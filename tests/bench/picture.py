"""Draw what bench.json holds; runs in an environment of its own, with matplotlib."""

import json
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

matplotlib: Any = import_module("matplotlib")
matplotlib.use("Agg")
pyplot: Any = import_module("matplotlib.pyplot")


def draw(source: Path) -> None:
    """Write a PNG beside the JSON file."""
    told = json.loads(source.read_text(encoding="utf-8"))
    figure, axes = pyplot.subplots(1, 3, figsize=(17, 5), constrained_layout=True)
    _latency(axes[0], told["by_rank_ms"])
    _rates(axes[1], told["orders_per_cpu_s"])
    _growth(axes[2], told["last_ack_ms"])
    figure.savefig(source.with_suffix(".png"), dpi=110)


def _latency(axis: Any, by_rank: dict[str, list[float]]) -> None:
    for followers, times in by_rank.items():
        shares = [100 * number / len(times) for number in range(len(times))]
        axis.plot(times, shares, label=f"{int(followers):,} followers")
    axis.set(
        title="When each follower's order was answered (venue: 30 ms)", xlabel="ms since the event", ylabel="% of them"
    )
    axis.set_xscale("log")
    axis.grid(visible=True, which="both", alpha=0.3)
    axis.legend()


def _rates(axis: Any, rates: dict[str, dict[str, dict[str, float]]]) -> None:
    scheme = "tls" if "tls" in rates else next(iter(rates))
    rows = sorted(rates[scheme].items(), key=lambda row: row[1]["value"])
    names, values = [name for name, _ in rows], [row["value"] for _, row in rows]
    colors = ["tab:green" if name.startswith("ours") else "tab:gray" for name in names]
    axis.barh(names, values, color=colors)
    axis.set_xscale("log")
    axis.set(title=f"Orders per CPU-second, {scheme}", xlabel="orders per second of processor time")
    for number, value in enumerate(values):
        axis.text(value, number, f" {value:,.0f}", va="center")


def _growth(axis: Any, last_ack: dict[str, float]) -> None:
    points = sorted((int(followers), last) for followers, last in last_ack.items())
    axis.plot([each for each, _ in points], [last for _, last in points], marker="o", color="tab:green")
    for followers, last in points:
        axis.annotate(f"{last:,.0f} ms", (followers, last), textcoords="offset points", xytext=(6, -12))
    axis.set(title="Event to last answer", xlabel="followers", ylabel="ms", xscale="log", yscale="log")
    axis.grid(visible=True, which="both", alpha=0.3)


draw(Path(sys.argv[1]))
