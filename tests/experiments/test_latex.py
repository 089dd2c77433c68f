"""Tables as LaTeX."""

from pathlib import Path

from rich.table import Table
from rich.text import Text

from rlsp_sb3.experiments.report.latex import latex, tabular, write_latex_tables


def table() -> Table:
    found = Table()
    found.add_column("", no_wrap=True)
    found.add_column("exact\nRLSP", justify="right")
    found.add_row("a_b & 5 %", Text("0.9", "bold") + Text("\n0.8…1.0", "not bold"))
    return found


def test_a_table_is_a_tabular() -> None:
    assert tabular(table()).splitlines() == [
        r"\begin{tabular}{lr}",
        r"\hline",
        r" & \shortstack[r]{exact \\ RLSP} \\",
        r"\hline",
        r"a\_b \& 5 \% & \shortstack[r]{\textbf{0.9} \\ 0.8\ldots{}1.0} \\",
        r"\hline",
        r"\end{tabular}",
    ]


def test_signs_stand_for_themselves() -> None:
    assert latex(r"1 ± 2 \ {x}^~ −3") == (
        r"1 $\pm$ 2 \textbackslash{} \{x\}\textasciicircum{}\textasciitilde{} $-$3"
    )


def test_each_table_has_its_caption(tmp_path: Path) -> None:
    write_latex_tables(tmp_path / "table.tex", {"returns": table(), "epic": table()}, "Means.")
    text = (tmp_path / "table.tex").read_text()
    assert text.count(r"\begin{table}") == text.count(r"\end{table}") == 2
    assert r"\caption{Returns. Means.}" in text
