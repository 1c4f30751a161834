"""Words of a search stand out in what it found."""

from core.pipeline.snippet import marked


def test_words_are_marked_in_every_form_and_nothing_of_the_text_is_lost() -> None:
    text = "Compilers optimise; <b>an optimiser</b> does, too."
    pieces = marked(text, "compiler optimisation")
    assert "".join(piece for piece, _ in pieces) == text
    assert [piece for piece, is_shared in pieces if is_shared] == ["Compilers", "optimise", "optimiser"]


def test_a_text_that_shares_nothing_is_one_piece_and_an_empty_one_none() -> None:
    assert marked("Flour and water.", "compiler") == (("Flour and water.", False),)
    assert marked("", "compiler") == ()
