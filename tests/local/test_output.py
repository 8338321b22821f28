from io import StringIO
from pathlib import Path

from app.local.output import Output, Tail


def test_each_line_has_its_name_and_no_colour_where_there_is_no_terminal() -> None:
    stream = StringIO()
    Output(stream).say("one\ntwo", "worker")
    assert stream.getvalue() == "   worker | one\n   worker | two\n"


def test_names_have_colours_of_their_own_on_a_terminal() -> None:
    class Terminal(StringIO):
        def isatty(self) -> bool:
            return True

    stream = Terminal()
    output = Output(stream)
    for name in ("a", "b", "a"):
        output.say("hello", name)
    first, second, third = stream.getvalue().splitlines()
    assert first.startswith("\033[")
    assert first == third
    assert first.split("m")[0] != second.split("m")[0]


def test_a_tail_gives_whole_lines_and_only_new_ones(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_text("yesterday\n")
    tail = Tail(path)
    with path.open("a") as log:
        log.write("half a ")
        log.flush()
        assert tail.read() == []
        log.write("line\nand")
        log.flush()
        assert tail.read() == ["half a line"]
    tail.close()


def test_a_tail_goes_on_in_the_file_that_took_the_place(tmp_path: Path) -> None:
    path = tmp_path / "log"
    tail = Tail(path)
    path.write_text("the end of the old one\n")
    path.rename(tmp_path / "log.1")
    path.write_text("the start of the new one\n")
    assert tail.read() == ["the end of the old one"]
    assert tail.read() == ["the start of the new one"]
    tail.close()
