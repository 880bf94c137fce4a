"""Say what was measured: a table for people, one JSON object for programs, data for the picture."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from rich.console import Console
from rich.table import Table

from tests.bench.figures import DEFINITIONS, Figure, Name


@dataclass(slots=True)
class Measured:
    """Everything one run measured."""

    figures: dict[Name, Figure] = field(default_factory=dict)
    rates: dict[str, dict[str, Figure]] = field(default_factory=dict)
    """Orders per CPU-second by scheme and contender."""
    by_rank_ms: dict[int, Sequence[float]] = field(default_factory=dict)
    """When the nth answer came, by number of followers, at most a thousand points."""
    last_ack_ms: dict[int, float] = field(default_factory=dict)
    machine: dict[str, Any] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """Return it as plain values."""
        return {
            "figures": {name.value: figure.value for name, figure in self.figures.items()},
            "spread": {name.value: [figure.least, figure.most] for name, figure in self.figures.items()},
            "reached": {name.value: DEFINITIONS[name].reached(figure.value) for name, figure in self.figures.items()},
            "orders_per_cpu_s": {
                scheme: {name: asdict(rate) for name, rate in rates.items()} for scheme, rates in self.rates.items()
            },
            "last_ack_ms": self.last_ack_ms,
            "by_rank_ms": self.by_rank_ms,
            "machine": self.machine,
        }


def tell(measured: Measured, console: Console) -> None:
    """Print the tables."""
    console.print(_figures(measured.figures))
    for scheme, rates in measured.rates.items():
        console.print(_rates(scheme, rates))


def _figures(figures: Mapping[Name, Figure]) -> Table:
    table = Table(title="Figures", title_justify="left", title_style="bold", box=None)
    for name in ("figure", "value", "spread", "bar", "aim", "", "definition"):
        table.add_column(name, justify="right" if name in {"value", "bar", "aim"} else "left")
    for name, figure in figures.items():
        wanted = DEFINITIONS[name]
        mark = "" if wanted.bar is None else ("[green]reached" if wanted.reached(figure.value) else "[bold red]MISSED")
        spread = f"{_short(figure.least)} to {_short(figure.most)}"
        bar, aim = ("" if each is None else f"{each:g}" for each in (wanted.bar, wanted.aim))
        table.add_row(name.value, _short(figure.value), spread, bar, aim, mark, f"[dim]{wanted.how}")
    return table


def _rates(scheme: str, rates: Mapping[str, Figure]) -> Table:
    table = Table(title=f"Orders per CPU-second, {scheme}", title_justify="left", title_style="bold", box=None)
    for name in ("who", "orders/CPU-s", "least", "most", "us/order"):
        table.add_column(name, justify="left" if name == "who" else "right")
    for who, rate in sorted(rates.items(), key=lambda row: -row[1].value):
        cells = [f"{each:,.0f}" for each in (rate.value, rate.least, rate.most)]
        table.add_row(who, *cells, f"{1e6 / rate.value:,.0f}")
    return table


def _short(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
