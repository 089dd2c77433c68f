"""Tables of the screen as Markdown."""

from pathlib import Path

from markdown_it import MarkdownIt
from rich.table import Table
from rich.text import Text

from rlsp_sb3.evaluation.seed_statistics import summarize
from rlsp_sb3.experiments.report.markdown import escaped, table_text, write_markdown_tables
from rlsp_sb3.experiments.table_cells import format_cell


def small_table() -> Table:
    table = Table()
    table.add_column("")
    table.add_column("average\nfeatures", justify="right")
    table.add_row(Text("Some|Env-v0", "bold"), "")
    table.add_row("  2 states", Text("no bold, ").append("but this", "bold"))
    return table


def test_lines_weight_and_alignment_are_kept() -> None:
    assert table_text(small_table()).splitlines() == [
        "|  | average<br>features |",
        "| --- | ---: |",
        "| **Some\\|Env-v0** |  |",
        "| 2 states | no bold, **but this** |",
    ]


def test_cells_of_several_seeds() -> None:
    table = Table("method")
    table.add_row(format_cell(summarize([[1.0, 2.0, 3.0, 4.0]]), 1))
    table.add_row(format_cell(summarize([[1.0, 2.0, 3.0, 4.0, 5.0]]), 1))
    table.add_row(format_cell(summarize([[1.0, 2.0]]), 1, with_std=False))
    table.add_row(format_cell(summarize([[2.0] * 5]), 1))
    table.add_row(format_cell(summarize([[2.0]]), 1))
    table.add_row(format_cell(None, 1))
    assert table_text(table).splitlines()[2:] == [
        "| **2.5 ± 1.3**<br>1.0…4.0 |",
        "| **3.0 ± 1.6**<br>3.0<br>1.3…4.7 |",
        "| **1.5**<br>1.0…2.0 |",
        "| **2.0 ± 0.0** |",
        "| **2.0** |",
        "| – |",
    ]


def test_a_reader_of_markdown_sees_what_the_screen_shows() -> None:
    parser = MarkdownIt().enable("table")
    html = parser.render(table_text(small_table()))
    assert "<strong>Some|Env-v0</strong>" in html
    assert html.count("<tr>") == 3
    nasty = "a_b_c *d* `e` <f> [g](h) \\ | &amp; ~~i~~ [reset]\n# j"
    assert parser.renderInline(escaped(nasty)) == (
        "a_b_c *d* `e` &lt;f&gt; [g](h) \\ | &amp;amp; ~~i~~ [reset] # j"
    )


def test_the_file_has_titles_the_explanation_and_notes(tmp_path: Path) -> None:
    path = tmp_path / "table.md"
    write_markdown_tables(
        path, {"EPIC distance": small_table()}, "What it is.", ["gail is left out"]
    )
    text = path.read_text(encoding="utf-8")
    assert text.startswith("### EPIC distance\n\n|  | average")
    assert text.endswith("|\n\nWhat it is.\n\n- gail is left out\n")
    write_markdown_tables(path, {"seconds": small_table()}, "What it is.")
    text = path.read_text(encoding="utf-8")
    assert text.startswith("### Seconds\n")
    assert text.endswith("|\n\nWhat it is.\n")
    assert [file.name for file in tmp_path.iterdir()] == ["table.md"]
