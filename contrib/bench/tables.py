"""Tables of results: medians over the rounds with their spread, ratios taken round by round.

Given the runs of a part, gives back Markdown for people and plain data for the JSON beside it.
"""

import dataclasses
import statistics


@dataclasses.dataclass
class Table:
    """A table of results: Markdown for people, a dict for the JSON beside it."""

    title: str
    columns: list
    rows: list  # of lists of strings or numbers, as long as `columns`
    notes: list = dataclasses.field(default_factory=list)
    data: dict = dataclasses.field(default_factory=dict)  # what the rows were made of, for the JSON only

    def markdown(self):
        lines = [f"### {self.title}", "", _line(self.columns), _line(["---"] + ["---:"] * (len(self.columns) - 1))]
        lines += [_line([shown(cell) for cell in row]) for row in self.rows]
        lines += [""] + [f"- {note}" for note in self.notes] + ([""] if self.notes else [])
        return "\n".join(lines)

    def as_json(self):
        return dataclasses.asdict(self)


def _line(cells):
    return "| " + " | ".join(str(cell) for cell in cells) + " |"


def shown(value):
    """A number with as many digits as it deserves."""
    if value is None:
        return "–"
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return str(value)
    if isinstance(value, int) or abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.3g}" if abs(value) < 100 else f"{value:.0f}"


def spread(values):
    """The median, and lowest to highest behind it."""
    if not values:
        return "–"
    low, middle, high = min(values), statistics.median(values), max(values)
    return shown(middle) if len(values) == 1 else f"{shown(middle)} ({shown(low)}–{shown(high)})"


def ratios(runs, key, name, other):
    """The median over the rounds of `name`'s value to `other`'s in the same round; None where one has no such value."""
    pairs = zip(runs.get(name, []), runs.get(other, []))
    each = [one[key] / two[key] for one, two in pairs if one.get(key) is not None and two.get(key)]
    return statistics.median(each) if each else None


def median_table(title, runs, columns, against=(), notes=(), ratio_of="rate"):
    """A table with one row per opponent.

    `runs` maps an opponent's name to its results, one dict per round and in the order of the rounds. `columns` maps a
    heading to a key of those dicts. `against` names the opponents whose `ratio_of` is the measure: ratios are taken
    round by round, and their median is shown. For a ratio of something else it holds (name, key, heading).
    """
    measures = [(other, ratio_of, f"× {other}") if isinstance(other, str) else other for other in against]
    headings = ["", *columns, *(heading for _, _, heading in measures)]
    rows = []
    for name, results in runs.items():
        cells = [spread([each[key] for each in results if each.get(key) is not None]) for key in columns.values()]
        cells += [None if name == other else ratios(runs, key, name, other) for other, key, _ in measures]
        rows.append([name, *cells])
    return Table(title, headings, rows, list(notes), {"runs": runs, "columns": columns})
