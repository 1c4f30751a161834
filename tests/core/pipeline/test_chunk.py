"""Articles in pieces: nothing lost, sentences whole, pieces that overlap."""

import itertools

import pytest

from core.pipeline.chunk import chunks, with_title
from core.pipeline.sentences import sentences


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("One. Two! Three? Four… Five", ("One.", "Two!", "Three?", "Four…", "Five")),
        ("Mr. Smith met Dr. Who at 5 p.m. in the U.S. on Jan. 3. They left.", None),
        ("It cost 3.14 dollars. Version 2.0 is out.", ("It cost 3.14 dollars.", "Version 2.0 is out.")),
        ('He said "no." "Why?" she asked.', ('He said "no."', '"Why?" she asked.')),
        ("see e.g. the docs, i.e. nothing. Done.", ("see e.g. the docs, i.e. nothing.", "Done.")),
        ("a heading\nThen a line.", ("a heading", "Then a line.")),
        ("今日は。元気ですか？はい", ("今日は。", "元気ですか？", "はい")),
        ("Привет. Как дела? Хорошо.", ("Привет.", "Как дела?", "Хорошо.")),
        ("", ()),
        ("...", ("...",)),
    ],
)
def test_sentences_end_where_a_reader_says(text: str, expected: tuple[str, ...] | None) -> None:
    if expected is None:
        expected = ("Mr. Smith met Dr. Who at 5 p.m. in the U.S. on Jan. 3.", "They left.")
    assert sentences(text) == expected


TEXT = " ".join(f"This is sentence number {n} of a rather long article." for n in range(200))


def test_every_sentence_is_in_a_chunk_whole() -> None:
    pieces = chunks("Title", TEXT, size=300, overlap=60)
    assert all(len(piece) <= 300 for piece in pieces)
    assert all(any(sentence in piece for piece in pieces) for sentence in sentences(TEXT))


def test_neighbours_share_a_sentence() -> None:
    for before, after in itertools.pairwise(chunks("Title", TEXT, size=300, overlap=60)):
        assert before.endswith(sentences(after)[0])


def test_a_sentence_without_an_end_is_cut_between_words() -> None:
    pieces = chunks("", "word " * 1000, size=100, overlap=20)
    assert all(len(piece) <= 100 for piece in pieces)
    assert {word for piece in pieces for word in piece.split()} == {"word"}


def test_a_word_without_an_end_is_cut_anyway() -> None:
    pieces = chunks("", "x" * 1050, size=100, overlap=20)
    assert all(len(piece) <= 100 for piece in pieces)
    assert sum(map(len, pieces)) >= 1050


@pytest.mark.parametrize("size", [40, 100, 1000])
@pytest.mark.parametrize("overlap", [0, 10, 39])
def test_cutting_always_comes_to_an_end(size: int, overlap: int) -> None:
    text = TEXT + " " + "y" * 500 + ". " + "Short. " * 50
    pieces = chunks("", text, size=size, overlap=overlap)
    assert all(0 < len(piece) <= size for piece in pieces)


@pytest.mark.parametrize(
    ("title", "text", "pieces"),
    [
        ("Title", "", ("Title",)),
        ("Title", "A text.", ("A text.",)),
        ("", "", ()),
        ("!!!", "… — …", ()),
        ("東京", "", ("東京",)),
    ],
)
def test_without_a_text_the_title_speaks_and_without_words_nothing_does(
    title: str, text: str, pieces: tuple[str, ...]
) -> None:
    assert chunks(title, text) == pieces


def test_every_piece_is_embedded_with_what_the_article_is_about() -> None:
    assert with_title("Title", "A piece.") == "Title\nA piece."
    assert with_title("Title", "Title") == "Title"
    assert with_title("", "A piece.") == "A piece."
